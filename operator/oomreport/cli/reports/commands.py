"""The report commands of `oomreport` and their arguments."""

# ruff: noqa: PLC0415 - what only some runs need is imported by them, so that starting is quick

import argparse
import textwrap
from typing import TYPE_CHECKING

from oomreport.cli.terminal import say

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no public name for it

_ERRORS = "  2    wrong arguments, a file that cannot be read or written, a cluster that does not answer\n"
_DONE = f"exit status:\n  0    done\n{_ERRORS}"
_RECOMMEND = f"""\
exit status, as of git diff and kubectl diff:
  0    done; with --exit-code: nothing is to be changed
  1    only with --exit-code: something is to be changed (rejected and applied recommendations do not count)
{_ERRORS}"""
_APPLY = f"""\
A value is changed where it is written: on a line marked with {{"$oomreport": "NAMESPACE:KIND/NAME:CONTAINER:limit"}}, in
a values file that .oomreport.yaml maps, in a patch or in the base of a kustomization, in a plain manifest. Only the value
changes, not a byte beside it. Where it must not be changed there, a kustomization gets a new patch.

Refused, with the reason: the file's value is not the one that the report saw; two places define the workload; the value
comes from a template, an alias or a merge key; the manifest sets none.

exit status:
  0    done; what was there already, or is not in these paths, is no failure
  1    only with --exit-code: files were changed (with --dry-run: would be)
{_ERRORS}  3    something was refused; all the rest was done
"""
_REVIEW = """\
exit status:
  0    done
  1    not done: no such report, no recommendation, not permitted, or it changed in the meantime
  2    wrong arguments, a cluster that does not answer
"""


_DOCTOR = """\
exit status:
  0    nothing keeps kills from becoming reports; there may be warnings
  1    something does
  2    wrong arguments, a cluster that does not answer
"""


def add_report_commands(commands: "Commands") -> None:
    """Add list, show, export, recommend, apply, accept, reject, doctor and report."""
    _add_list(commands)
    _add_show(commands)
    _add_export(commands)
    _add_recommend(commands)
    _add_apply(commands)
    _add_review(commands)
    _add_doctor(commands)
    _add_report(commands)


def _add_list(commands: "Commands") -> None:
    parser = _command(commands, "list", "list reports", "List reports, as kubectl get oomreports does.", _DONE)
    _add_cluster(parser)
    _add_selection(parser)
    parser.add_argument(
        "-o",
        "--output",
        choices=("table", "wide", "json", "yaml"),
        default="table",
        help="print in this format (default: table)",
    )
    parser.add_argument(
        "-w",
        "--watch",
        action="store_true",
        help="go on, and print each report that is new or changed, until Ctrl-C; with table and wide only (default: print once)",
    )
    parser.set_defaults(run=_run_list)


def _add_show(commands: "Commands") -> None:
    words = "Describe a report: what was killed, by whose limit, why, what to change, and who keeps the manifest."
    parser = _command(commands, "show", "describe a report", words, _DONE)
    parser.add_argument(
        "names", nargs="+", metavar="NAME", help="use this report, or that of a workload: web, deploy/web"
    )
    _add_cluster(parser)
    parser.add_argument(
        "--reports",
        metavar="FILE",
        help="read exported reports from this file, - for standard input (default: ask the cluster)",
    )
    parser.set_defaults(run=_run_show, all_namespaces=False, selector=None)


def _add_export(commands: "Commands") -> None:
    words = (
        "Write the reports of a cluster to a file, as kubectl get oomreports -o yaml does. The file also holds the"
        " workloads' annotations on values files. Give it to recommend and apply (--reports) where they cannot reach"
        " the cluster."
    )
    parser = _command(commands, "export", "write reports to a file", words, _DONE)
    parser.add_argument("file", nargs="?", metavar="FILE", help="write to this file (default: standard output)")
    _add_cluster(parser)
    _add_selection(parser)
    parser.add_argument(
        "-o", "--output", choices=("yaml", "json"), default="yaml", help="write in this format (default: yaml)"
    )
    parser.set_defaults(run=_run_export)


def _add_report(commands: "Commands") -> None:
    words = (
        "Write the reports of a cluster as one HTML page: who is killed most, kills by day, what waits for review, and each"
        " report with the way of its memory to the kill. It needs no network and no script."
    )
    parser = _command(commands, "report", "write all reports as one HTML page", words, _DONE)
    parser.add_argument("--html", metavar="FILE", required=True, help="write the page to this file")
    parser.add_argument(
        "--cluster-name", metavar="NAME", default="", help="put this name into the title (default: no name)"
    )
    _add_cluster(parser)
    _add_selection(parser)
    parser.set_defaults(run=_run_report)


def _add_doctor(commands: "Commands") -> None:
    words = (
        "Say what keeps kills from becoming reports: CRDs, rights, the controller, agents that are not ready and why,"
        " records that wait, clocks. Change nothing."
    )
    parser = _command(commands, "doctor", "say what is missing where no report appears", words, _DOCTOR)
    parser.add_argument(
        "--context", metavar="NAME", help="use this context of the kubeconfig (default: the current one)"
    )
    parser.add_argument(
        "--kubeconfig", metavar="FILE", help="read this kubeconfig (default: KUBECONFIG, ~/.kube/config)"
    )
    where = parser.add_argument_group("where oomreport is installed")
    where.add_argument(
        "--system-namespace",
        metavar="NAME",
        default="oomreport-system",
        help="look for the controller there (default: %(default)s)",
    )
    where.add_argument(
        "--agent-namespace",
        metavar="NAME",
        default="oomreport-agent",
        help="look for the agents there (default: %(default)s)",
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="print in this form (default: %(default)s)"
    )
    parser.set_defaults(run=_run_doctor)


def _add_recommend(commands: "Commands") -> None:
    words = (
        "Show what the reports recommend. The formats: patch prints strategic-merge patches, kustomize a Component with"
        " them, values a file for Helm, markdown the body of a pull request with the evidence of each number. json and"
        " yaml hold everything."
    )
    parser = _command(commands, "recommend", "show what to change", words, _RECOMMEND)
    _add_cluster(parser)
    _add_selection(parser)
    forms = ("table", "wide", "json", "yaml", "patch", "kustomize", "values", "markdown")
    parser.add_argument("-o", "--output", choices=forms, default="table", help="print in this format (default: table)")
    parser.add_argument(
        "--accepted-only",
        action="store_true",
        help="take only recommendations that a reviewer accepted (default: all but the rejected)",
    )
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 1 if something has to change (default: exit with 0)"
    )
    parser.set_defaults(run=_run_recommend)


def _add_apply(commands: "Commands") -> None:
    words = (
        "Write recommendations into the manifests of a checkout, without those that were rejected. Git is not called."
    )
    parser = _command(commands, "apply", "write recommendations into manifests", words, _APPLY)
    parser.add_argument("paths", nargs="+", metavar="PATH", help="edit manifests in this file or folder")
    _add_cluster(parser)
    _add_selection(parser)
    parser.add_argument(
        "--accepted-only",
        action="store_true",
        help="take only recommendations that a reviewer accepted (default: all but the rejected)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print a unified diff and write nothing (default: write)"
    )
    parser.add_argument(
        "--body",
        metavar="FILE",
        help="write the body of a pull request to this file: what was changed, and why all else was not (default: none)",
    )
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 if files change (default: exit with 0)")
    parser.add_argument(
        "--default-namespace",
        metavar="NAME",
        help="assume this namespace for manifests that name none (default: such a manifest fits every namespace)",
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print only changes and refusals (default: print all)"
    )
    parser.set_defaults(run=_run_apply)


def _add_review(commands: "Commands") -> None:
    for verb, decision, words in (
        ("accept", "Accepted", "Accept recommendations: apply --accepted-only takes them."),
        (
            "reject",
            "Rejected",
            "Reject recommendations: they are not applied. A recommendation that changes needs a new review.",
        ),
    ):
        parser = _command(commands, verb, f"{verb} recommendations", words, _REVIEW)
        parser.add_argument(
            "names", nargs="+", metavar="NAME", help="use this report, or that of a workload: web, deploy/web"
        )
        parser.add_argument(
            "--note", default=None, metavar="TEXT", help="store this reason in the report (default: none)"
        )
        parser.add_argument(
            "--reviewer",
            metavar="WHO",
            help="store this name as the reviewer (default: your user name at the API server)",
        )
        parser.add_argument(
            "--if-limit",
            metavar="SIZE",
            help="decide only if this is the recommended limit (default: decide in any case)",
        )
        _add_cluster(parser)
        parser.set_defaults(run=_run_review, decision=decision)


def _command(commands: "Commands", name: str, short: str, words: str, epilog: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=short,
        description=textwrap.fill(words, 100),
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_cluster(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("cluster")
    group.add_argument(
        "--context", metavar="NAME", help="use this context of the kubeconfig (default: the current one)"
    )
    group.add_argument(
        "--kubeconfig", metavar="FILE", help="use this kubeconfig (default: $KUBECONFIG, then ~/.kube/config)"
    )
    group.add_argument("-n", "--namespace", metavar="NAME", help="use this namespace (default: the context's)")


def _add_selection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("reports")
    group.add_argument(
        "-A", "--all-namespaces", action="store_true", help="use reports of all namespaces (default: of one)"
    )
    group.add_argument(
        "-l", "--selector", metavar="LABELS", help="use only reports with these labels, as in kubectl (default: all)"
    )
    group.add_argument(
        "--reports",
        metavar="FILE",
        help="read exported reports from this file, - for standard input (default: ask the cluster)",
    )


def _run_list(arguments: argparse.Namespace) -> int:
    from oomreport.cli.reports import listing

    if arguments.watch and (arguments.reports is not None or arguments.output in ("json", "yaml")):
        say("--watch goes with a cluster and the formats table and wide")
        return 2
    return listing.run(arguments)


def _run_show(arguments: argparse.Namespace) -> int:
    from oomreport.cli.reports import show

    return show.run(arguments)


def _run_export(arguments: argparse.Namespace) -> int:
    from oomreport.cli.reports import export

    return export.run(arguments)


def _run_recommend(arguments: argparse.Namespace) -> int:
    from oomreport.cli.reports import recommend

    return recommend.run(arguments)


def _run_apply(arguments: argparse.Namespace) -> int:
    from oomreport.cli.reports import apply

    return apply.run(arguments)


def _run_review(arguments: argparse.Namespace) -> int:
    from oomreport.cli.reports import review

    return review.run(arguments)


def _run_doctor(arguments: argparse.Namespace) -> int:
    from oomreport.cli.reports.doctor import command

    return command.run(arguments)


def _run_report(arguments: argparse.Namespace) -> int:
    from oomreport.cli.reports import page

    return page.run(arguments)
