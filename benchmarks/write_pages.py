"""Write the pages of docs/ that are made from results, commands, types and constants.

    python benchmarks/write_pages.py

`make docs-pages` runs it. A test fails where a page in the repository differs from what this
writes. Nothing is measured here: the numbers are those of benchmarks/results.
"""

from pages import TOP, pages


def main() -> None:
    """Write every page that differs, and say which."""
    for name, make in pages().items():
        path = TOP / name
        text = make()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
