// Tell which of these titles do not fit into the one line that a repair's dialog has for its title.
//
// Runs in the page, on the dialog of an integration, whose title may take several lines and has a
// button for help beside it.
(dialog, titles) => {
  const title = dialog.shadowRoot.querySelector(".dialog-title");
  dialog.shadowRoot.querySelector("a.help").remove();
  title.style.whiteSpace = "nowrap";
  return titles.filter((text) => {
    title.textContent = text;
    return title.scrollWidth > title.clientWidth;
  });
}
