"""The commands of `oomreport` and their arguments.

Each command's module is imported when the command runs, so that the start is quick.
"""

# ruff: noqa: PLC0415 - what only some runs need is imported by them, so that starting is quick

import argparse
import gc
import sys
from collections.abc import Sequence
from typing import NoReturn

_EXIT_STATUS = """\
exit status:
  0    done, also where a log holds no OOM
  1    what was asked for cannot be done (no such cluster, nothing to watch)
  2    a file cannot be read or written, or the arguments are wrong
  130  interrupted with Ctrl-C
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status."""
    # Modules and records hold few cycles: the garbage collector would scan them again and again, and free nothing.
    gc.set_threshold(100_000)
    given = sys.argv[1:] if argv is None else argv
    # Building the parsers of the report commands takes longer than explaining a small log, which needs none of them.
    arguments = _parser(for_logs=list(given[:1]) in (["explain"], ["watch"])).parse_args(given)
    try:
        return int(arguments.run(arguments))
    except BrokenPipeError:
        # The reader of the output is gone (`| head`): print nothing, and keep the interpreter from trying again.
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130


class _Parser(argparse.ArgumentParser):
    """Shows an example to who gave no command or no log."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong, and end."""
        if "are required" in message and self.prog in ("oomreport", "oomreport explain"):
            message += "\nfor example: dmesg | oomreport explain -"
        super().error(message)


def _parser(*, for_logs: bool) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="oomreport",
        description="Explain OOM kills: who was killed, whose limit it was, and what limit to set.",
        epilog=_EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=_Version("%(prog)s"), help="print the version and exit")
    # Without `prog` argparse formats the usage for it, and measures the terminal.
    commands: argparse._SubParsersAction[argparse.ArgumentParser] = parser.add_subparsers(  # type: ignore[assignment]
        title="commands", required=True, metavar="COMMAND", prog=parser.prog
    )
    _add_explain(commands)
    _add_watch(commands)
    if not for_logs:
        from oomreport.cli.reports.commands import add_report_commands

        add_report_commands(commands)
        _add_redeliver(commands)
    return parser


class _Version(str):
    """The text of --version, looked up only when it is asked for.

    argparse prints it as a template, and fills it in only where it names %(prog)s.
    """

    __slots__ = ()

    def __mod__(self, _: object) -> str:
        from oomreport import __version__

        return f"oomreport {__version__}"


def _add_explain(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    explain = commands.add_parser(
        "explain",
        help="explain the OOM kills in kernel logs",
        description="Explain the OOM kills in kernel logs: dmesg, journalctl, syslog, /dev/kmsg records, container logs,"
        " mails; plain or compressed with gzip, zstd or xz. No cluster is needed.",
        epilog=_EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    explain.add_argument("files", nargs="+", metavar="FILE", help="read this log; - is standard input")
    explain.add_argument(
        "-o", "--output", choices=("text", "json", "yaml"), default="text", help="print in this format (default: text)"
    )
    explain.add_argument("--html", metavar="FILE", help="also write a self-contained HTML report (default: none)")
    pods = explain.add_mutually_exclusive_group()
    pods.add_argument(
        "--pods",
        metavar="FILE",
        help="take pod names from this output of `kubectl get pods -A -o json` (or yaml; default: none)",
    )
    pods.add_argument(
        "--context",
        metavar="NAME",
        nargs="?",
        const="",
        help="take pod names from a cluster, by this kubeconfig context; without NAME the current one (default: none)",
    )
    explain.add_argument(
        "--advice",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="add why the kill came and what to change; --no-advice prints only the records (default: --advice)",
    )
    _add_colour(explain)
    explain.set_defaults(run=_run_explain)


def _add_watch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    watch = commands.add_parser(
        "watch",
        help="explain the OOM kills of this machine as they happen",
        description="Follow this machine's kernel log and explain each OOM kill a moment later. No cluster is needed;"
        " reading the kernel log takes CAP_SYSLOG (run as root).",
        epilog=_EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    watch.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="print in this format (default: text)"
    )
    watch.add_argument(
        "--source",
        choices=("auto", "kmsg", "syslog"),
        default="auto",
        help="read the kernel log by /dev/kmsg or by syslog(2) (default: auto, the first that works)",
    )
    watch.add_argument(
        "--past",
        action="store_true",
        help="start with the kills that the kernel log still holds (default: start with the next kill)",
    )
    watch.add_argument(
        "--advice",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="add why the kill came and what to change; --no-advice prints only the records (default: --advice)",
    )
    _add_colour(watch)
    watch.set_defaults(run=_run_watch)


def _add_redeliver(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    redeliver = commands.add_parser(
        "redeliver",
        help="retry failed hook deliveries",
        description="Retry hook deliveries that were given up: those of a report, of a hook, or all of a namespace.",
        epilog=_EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = redeliver.add_mutually_exclusive_group(required=True)
    what.add_argument("report", nargs="?", metavar="REPORT", help="retry the deliveries of this report")
    what.add_argument("--hook", metavar="NAME", help="retry the deliveries of this OOMHook; NAME or NAMESPACE/NAME")
    what.add_argument("--all", action="store_true", help="retry every delivery that was given up")
    redeliver.add_argument(
        "-n", "--namespace", metavar="NAME", help="use reports of this namespace (default: the context's)"
    )
    redeliver.add_argument(
        "-A", "--all-namespaces", action="store_true", help="use reports of all namespaces (default: of one)"
    )
    redeliver.add_argument(
        "--context", metavar="NAME", default="", help="use this context of the kubeconfig (default: the current one)"
    )
    redeliver.add_argument(
        "--kubeconfig", metavar="FILE", help="use this kubeconfig (default: $KUBECONFIG, then ~/.kube/config)"
    )
    redeliver.set_defaults(run=_run_redeliver)


def _add_colour(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--colour",
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colour the output (default: auto, on a terminal)",
    )


def _run_redeliver(arguments: argparse.Namespace) -> int:
    from oomreport.cli.reports import redeliver

    return redeliver.run(arguments)


def _run_explain(arguments: argparse.Namespace) -> int:
    from oomreport.cli.logs import explain

    return explain.run(arguments)


def _run_watch(arguments: argparse.Namespace) -> int:
    from oomreport.cli.logs import watch

    return watch.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
