"""Draw the PNG files of the integration's brand folder from the SVG files beside this one.

Needs Chromium and Playwright: scripts/setup server, then
.venvs/server/bin/python docs/brand/draw.py
"""

from pathlib import Path
import shutil

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
BRAND = HERE.parents[1] / "custom_components/growatt_onboarding/brand"
# Height of the picture and of its @2x form, in pixels.
HEIGHTS = {"": 256, "@2x": 512}


def main() -> None:
    """Draw every picture in both sizes."""
    BRAND.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for source in sorted(HERE.glob("*.svg")):
            svg = source.read_text()
            box = svg.split('viewBox="0 0 ')[1].split('"')[0].split()
            for suffix, height in HEIGHTS.items():
                width = height * int(box[0]) // int(box[1])
                page = browser.new_page(viewport={"width": width, "height": height})
                page.set_content(f"<style>body{{margin:0}}svg{{height:{height}px}}</style>{svg}")
                page.screenshot(path=BRAND / f"{source.stem}{suffix}.png", omit_background=True)
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
