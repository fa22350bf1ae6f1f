// Tell what a person sees below an element, what of it is cut off, and how far it scrolls.
//
// Runs in the page. Follows shadow roots and slots, as the browser does when it draws.
(root) => {
  const texts = [];
  const cut = [];
  let scrolls = 0;
  const TOLERANCE = 1.5;
  // The last are Home Assistant's own: the list of what happened, which shortens names by itself,
  // and how long ago something was, for which it leaves little room.
  const SILENT = new Set([
    "script", "style", "template", "svg", "ha-logbook", "ha-relative-time",
  ]);
  const CONTROLS = new Set(["button", "img", "input", "textarea"]);

  const children = (node) => {
    if (node.shadowRoot) return node.shadowRoot.childNodes;
    if (node.localName === "slot") {
      const assigned = node.assignedNodes();
      if (assigned.length) return assigned;
    }
    return node.childNodes;
  };

  const judge = (box, frame, what) => {
    if (!box.width || !box.height) return;
    if (
      box.left < frame.left - TOLERANCE || box.right > frame.right + TOLERANCE ||
      box.top < frame.top - TOLERANCE || box.bottom > frame.bottom + TOLERANCE
    ) {
      cut.push(what);
    }
  };

  // What of an element's inside can be seen or scrolled to.
  const inner = (node, box, frame, style) => {
    const within = { ...frame };
    if (style.overflowX !== "visible") {
      within.left = Math.max(frame.left, box.left);
      within.right = Math.min(frame.right, box.right);
    }
    if (style.overflowY === "auto" || style.overflowY === "scroll") {
      within.top = -Infinity;
      within.bottom = Infinity;
      scrolls = Math.max(scrolls, node.scrollHeight - node.clientHeight);
    } else if (style.overflowY !== "visible") {
      within.top = Math.max(frame.top, box.top);
      within.bottom = Math.min(frame.bottom, box.bottom);
    }
    return within;
  };

  const visit = (node, frame) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const text = node.data.replace(/\s+/g, " ").trim();
      const range = document.createRange();
      range.selectNodeContents(node);
      const box = range.getBoundingClientRect();
      if (!text || !box.width) return;
      texts.push(text);
      judge(box, frame, text);
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE || SILENT.has(node.localName)) return;
    const style = getComputedStyle(node);
    if (style.display === "none" || style.visibility === "hidden") return;
    const box = node.getBoundingClientRect();
    const forReaders = box.width <= 1 && box.height <= 1 && style.overflow === "hidden";
    if (forReaders) return;
    // Content that is folded away.
    if (style.display !== "contents" && !box.height && style.overflowY !== "visible") return;
    if (CONTROLS.has(node.localName)) {
      judge(box, frame, `<${node.localName} ${node.name || node.alt || node.title || ""}>`);
    }
    const boxless = style.display === "contents";
    const within = boxless ? frame : inner(node, box, frame, style);
    for (const child of children(node)) visit(child, within);
  };

  const screen = { left: 0, right: innerWidth, top: -Infinity, bottom: Infinity };
  const dialog = (function find(node) {
    if (node.localName === "dialog" && node.open) return node;
    for (const child of children(node)) {
      const found = child.nodeType === Node.ELEMENT_NODE && find(child);
      if (found) return found;
    }
    return null;
  })(root);
  if (dialog) {
    // It must stand on the screen as a whole; its content may scroll.
    judge(dialog.getBoundingClientRect(), { ...screen, top: 0, bottom: innerHeight }, "<dialog>");
  }
  visit(dialog ?? root, screen);
  scrolls = Math.max(scrolls, document.scrollingElement.scrollHeight - innerHeight);
  if (document.scrollingElement.scrollWidth > innerWidth) cut.push("<the page scrolls sideways>");
  return { texts, cut, scrolls };
}
