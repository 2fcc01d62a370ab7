"""Checks that every relative link in the repository's Markdown points to a file that exists, and to a heading in it.

Usage: check-links.py  (from anywhere; needs git)
"""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:")


def anchors(text):
    """The anchors of a page's headings, as code hosts make them."""
    found = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        count = 0
        while (unique := f"{anchor}-{count}" if count else anchor) in found:
            count += 1
        found.add(unique)
    return found


def faults(page):
    text = (ROOT / page).read_text()
    # What is in backquotes is shown as it is written.
    shown = re.sub(r"`[^`\n]*`", lambda code: "`" + "x" * (len(code[0]) - 2) + "`", FENCE.sub("", text))
    for link in LINK.findall(shown):
        path, _, anchor = unquote(link).partition("#")
        if OUTSIDE.match(link):
            continue
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists():
            yield f"{page}: {link}: there is no such file"
        elif anchor and anchor not in anchors(target.read_text()):
            yield f"{page}: {link}: the page has no such heading"


def main():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    pages = [page for page in listed.stdout.splitlines() if (ROOT / page).exists()]
    found = [fault for page in pages for fault in faults(page)]
    for fault in found:
        print(fault, file=sys.stderr)
    sys.exit(1 if found else 0)


main()
