"""What axe-core, and a narrow screen, say of a page in a browser."""

SPLIT = r"""() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const unit = node.parentElement.closest("table, svg") ? "(?: %)?" : "";
    const number = new RegExp(`(?<=^|[\\s(])[+-]?\\d[\\d.,]*${unit}(?!\\w)`, "g");
    for (const match of node.data.matchAll(number)) {
      const range = document.createRange();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      const tops = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
      if (tops.size > 1) found.push(match[0] + " in: " + node.data.trim().slice(0, 60));
    }
  }
  return found;
}"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def violations(page):
    """Return what axe-core finds, a line each: the rule and the first element that breaks it.

    Best practices are among its rules, beside WCAG.
    """
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]} ({len(one['nodes'])})" for one in found]


def split_numbers(page):
    """Return the numbers that begin on one line and end on another; in tables `%` is of them."""
    return page.evaluate(SPLIT)


def overflow(page):
    """Return by how many pixels the page is wider than the screen."""
    return page.evaluate(TOO_WIDE)
