"""Adds up what the test runners report and prints the closing line of deploy/test.

summary.py record  DIR NAME passed|failed    a check that is one test by itself
summary.py account DIR NAME STATUS           a runner has ended; its JUnit reports are those new in DIR
summary.py close   DIR                       prints the table and the closing line; exit status 1 if anything failed
"""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree


def junit_counts(path, failures):
    """Tests passed, failed and skipped in one JUnit file; what failed is added to `failures`, with its words."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        found = [part for part in case if part.tag in ("failure", "error")]
        if found:
            failed += 1
            words = " ".join(f"{found[0].get('message') or ''} {found[0].text or ''}".split())
            failures.append(f"{case.get('classname')}.{case.get('name')}: {words[:1000]}")
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return [passed, failed, skipped]


def load(ledger):
    return json.loads(ledger.read_text()) if ledger.exists() else {"counted": [], "rows": [], "failures": []}


def main(command, folder, *words):
    folder = Path(folder)
    ledger = folder / "ledger.json"
    state = load(ledger)
    if command == "record":
        name, status = words
        state["rows"].append([name, [int(status == "passed"), int(status == "failed"), 0]])
    elif command == "account":
        name, status = words
        counts = [0, 0, 0]
        for report in sorted(folder.glob("*.xml")):
            if report.name in state["counted"]:
                continue
            state["counted"].append(report.name)
            try:
                counts = [a + b for a, b in zip(counts, junit_counts(report, state["failures"]))]
            except ElementTree.ParseError:
                counts[1] += 1
        # A runner that crashed, or found nothing to run, must not look like a success.
        if int(status) != 0 and counts[1] == 0:
            counts[1] = 1
        elif counts[0] + counts[1] + counts[2] == 0:
            counts[1] = 1
        state["rows"].append([name, counts])
    elif command == "close":
        print(f"{'passed':>8}{'failed':>8}{'skipped':>8}")
        for name, (passed, failed, skipped) in state["rows"]:
            print(f"{passed:8}{failed:8}{skipped:8}  {name}")
        # Where only the end of a long log is kept, this is what tells what to look at.
        for failure in state["failures"]:
            print(f"failed: {failure}")
        passed, failed, skipped = (sum(row[1][i] for row in state["rows"]) for i in range(3))
        print(f"{passed} passed, {failed} failed, {skipped} skipped")
        return 1 if failed or not passed else 0
    ledger.write_text(json.dumps(state))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
