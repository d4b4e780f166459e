"""A comparison as JUnit XML: a case for each measure and one for the whole."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from gru_bench.comparison import telling
from gru_bench.comparison.record import Comparison
from gru_bench.comparison.verdict import UNDECIDED, WORSE
from gru_bench.outside.text import xml


def to_junit(found: Comparison) -> str:
    """Return a test suite: worse is a failure, undecided is skipped."""
    cases = [("verdict", found.verdict, telling.sentence(found))]
    cases += [
        (line.measure, line.verdict, f"{telling.NAMES[line.measure]}: {telling.effect(line)}")
        for line in found.lines
    ]
    suite = ET.Element(
        "testsuite",
        name=xml(f"gru-bench compare {found.base.title} {found.candidate.title}"),
        tests=str(len(cases)),
        failures=str(sum(verdict == WORSE for _, verdict, _ in cases)),
        skipped=str(sum(verdict == UNDECIDED for _, verdict, _ in cases)),
        errors="0",
    )
    for name, verdict, said in cases:
        case = ET.SubElement(suite, "testcase", classname=xml(found.candidate.title), name=name)
        if verdict == WORSE:
            failure = ET.SubElement(case, "failure", message=xml(said))
            failure.text = xml(telling.describe(found))
        elif verdict == UNDECIDED:
            ET.SubElement(case, "skipped", message=xml(said))
        else:
            ET.SubElement(case, "system-out").text = xml(said)
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
