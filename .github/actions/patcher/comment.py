"""One comment on a pull request, kept up to date: made the first time, replaced after that.

Standard library alone. It speaks to the REST API at ``GITHUB_API_URL`` with the token in
``GH_TOKEN``. A comment of ours is known by its first line; comments of people are left alone, those
that quote ours too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

from run import MARK

PER_PAGE = 100
LONGEST = 65_536  # characters GitHub takes
TIMEOUT_S = 30.0
FORBIDDEN = 403


def ask(method, path, body=None):
    """One request; what it answers, as JSON values."""
    base = os.environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/")
    request = urllib.request.Request(
        f"{base}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {os.environ['GH_TOKEN']}",
            "Content-Type": "application/json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return json.load(answer)


def own_comment(issue):
    """The number of the comment made earlier, or None."""
    page = 1
    while True:
        found = ask("GET", f"{issue}/comments?per_page={PER_PAGE}&page={page}")
        for each in found:
            if (each.get("body") or "").startswith(MARK):
                return each["id"]
        if len(found) < PER_PAGE:
            return None
        page += 1


def shortened(text):
    """A text of a length that is taken; what is left out is said."""
    if len(text) <= LONGEST:
        return text
    end = "\n\nThe rest is in the summary of the run.\n"
    return text[: LONGEST - len(end)].rpartition("\n")[0] + end


def publish(repository, number, text):
    """Make the comment or replace it; which of the two was done."""
    issues = f"repos/{repository}/issues"
    known = own_comment(f"{issues}/{number}")
    body = {"body": shortened(text)}
    if known is None:
        ask("POST", f"{issues}/{number}/comments", body)
        return "created"
    ask("PATCH", f"{issues}/comments/{known}", body)
    return "updated"


def main(arguments):
    """Comment; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="the comment, as Markdown")
    parser.add_argument("--repository", required=True, metavar="OWNER/NAME")
    parser.add_argument("--number", required=True, type=int, help="of the pull request")
    options = parser.parse_args(arguments)
    text = options.file.read_text("utf-8")
    try:
        print(f"comment {publish(options.repository, options.number, text)}")
    except urllib.error.HTTPError as error:
        if error.code != FORBIDDEN:
            raise
        # A pull request from a fork has a token that may only read; the summary says it all.
        print("no comment: this token may not write one (`pull-requests: write`)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
