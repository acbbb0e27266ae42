"""Say for each node of a model whether and how it is supported, and what to do where it is not."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from snnir.errors import UserError

if TYPE_CHECKING:
    from snnir.frontend.onnx import NodeReport


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", type=Path, help="an .onnx file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: Namespace) -> int:
    from snnir.frontend.onnx import check_model

    if args.model.is_dir():
        raise UserError("a folder, not a model", where=str(args.model), hint="give an .onnx file")
    reports = check_model(args.model)
    general: list[UserError] = []
    if all(report.supported for report in reports):
        reports, general = _dry_run(args.model, reports)
    supported = not general and all(report.supported for report in reports)
    if args.json:
        from snnir.tools.output import print_json

        print_json(_as_json(args.model, reports, general, supported))
    else:
        print(_as_text(reports, general))
    return 0 if supported else 1


def _dry_run(model: Path, reports: list[NodeReport]) -> tuple[list[NodeReport], list[UserError]]:
    """The reports with what conversion has against single nodes, and what it has beside that.

    Each node may be supported by itself and still not where it stands, such as a layer whose
    result is fed to the next one without a Relu.
    """
    from snnir.analysis.convertible import find_problems
    from snnir.analysis.network import network_of
    from snnir.frontend.onnx import import_model
    from snnir.pipeline.run import run_pipeline

    found: list[UserError] = []
    try:
        module = import_model(model)
        run_pipeline(module, "simplify-onnx,fold-batchnorm")
        for problem in find_problems(network_of(module)):
            found.append(UserError(problem.what, where=problem.text, hint=problem.hint))
        if not found:
            run_pipeline(module, "convert-onnx-to-snn")
    except UserError as error:
        found.append(error)
    by_node = {report.node: index for index, report in enumerate(reports)}
    reports, general = list(reports), []
    for error in found:
        named = re.search(r"node '([^']*)'", f"{error.where} {error.what}")
        index = by_node.get(named[1]) if named else None
        if index is None:
            general.append(error)
        elif reports[index].supported:
            reports[index] = replace(
                reports[index], supported=False, how=error.what, hint=error.hint
            )
    return reports, general


def _as_json(model: Path, reports: list[NodeReport], general, supported: bool) -> dict:
    return {
        "model": str(model),
        "supported": supported,
        "nodes": [
            {
                "node": report.node,
                "op_type": report.op_type,
                "domain": report.domain,
                "supported": report.supported,
                "how": report.how,
                "hint": report.hint,
                "shape": list(report.shape) if report.shape is not None else None,
            }
            for report in reports
        ],
        "problems": [{"what": error.what, "hint": error.hint} for error in general],
    }


def _as_text(reports: list[NodeReport], general: list[UserError]) -> str:
    from snnir.tools.tables import table

    rows = [
        (
            report.node,
            f"{report.domain}.{report.op_type}" if report.domain else report.op_type,
            "x".join(map(str, report.shape)) if report.shape else "-",
            "yes" if report.supported else "NO",
            report.how + (f": {report.hint}" if report.hint else ""),
        )
        for report in reports
    ]
    lines = [table(("node", "operator", "result", "supported", "how, or what to do"), rows), ""]
    lines += [
        f"problem: {error.what}" + (f"; {error.hint}" if error.hint else "") for error in general
    ]
    wrong = sum(not report.supported for report in reports)
    total = len(reports)
    if wrong or general:
        lines.append(
            f"{total - wrong} of {total} nodes are supported; this model cannot be compiled yet"
        )
    else:
        lines.append(f"all {total} nodes are supported")
    return "\n".join(lines)
