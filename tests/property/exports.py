"""Kernel logs as log stores export them and as shippers pass them on: renderers for tests, like those in `framings`.

They follow what the programs print: aws logs, gcloud logging, Elasticsearch and Kibana, Grafana and logcli, Splunk, Vector,
Filebeat, Fluent Bit, OpenTelemetry, kubectl and stern in front of an agent that logs what the journal says.
"""

import csv
import io
import json
from dataclasses import replace
from typing import Any

from property.framings import HOST, LEVELS, KernelLine, Log, dmesg, journal_json

_ISO = "%Y-%m-%dT%H:%M:%S.%f"


def _json_bytes(value: object, indent: int | None = None) -> bytes:
    return (json.dumps(value, indent=indent) + "\n").encode("utf-8", "replace")


def split(log: Log) -> Log:
    """The log as a line-based shipper gets it: a newline in a text begins a line of its own."""
    return [replace(line, text=text) for line in log for text in line.text.split("\n")]


def _json_lines(values: list[Any]) -> bytes:
    return b"".join(_json_bytes(value) for value in values)


def _stamped(line: KernelLine) -> str:
    return f"[{line.stamp}] {line.text}"


def _syslog(line: KernelLine) -> str:
    return f"{line.wall:%b %e %H:%M:%S} ip-10-0-0-1 kernel: [{line.stamp}] {line.text}"


def _millis(line: KernelLine) -> int:
    return round(line.wall.timestamp() * 1000)


def _aws_events(log: Log) -> list[dict[str, Any]]:
    return [
        {"timestamp": _millis(line), "message": _syslog(line), "ingestionTime": _millis(line) + 3971}
        for line in split(log)
    ]


def aws_get_log_events(log: Log) -> bytes:
    return _json_bytes({"events": _aws_events(log), "nextForwardToken": "f/37", "nextBackwardToken": "b/37"}, indent=4)


def aws_get_log_events_compact(log: Log) -> bytes:
    return _json_bytes({"events": _aws_events(log), "nextForwardToken": "f/37", "nextBackwardToken": "b/37"})


def aws_filter_log_events(log: Log) -> bytes:
    events = [{"logStreamName": "i-0abc", **event, "eventId": f"37{n}"} for n, event in enumerate(_aws_events(log))]
    return _json_bytes({"events": events, "searchedLogStreams": []}, indent=4)


def aws_filter_text(log: Log) -> bytes:
    rows = [f"EVENTS\t37{n}\t{e['ingestionTime']}\ti-0abc\t{e['message']}\t{e['timestamp']}" for n, e in
            enumerate(_aws_events(split(log)))]  # fmt: skip
    return ("\n".join(rows) + "\n").encode("utf-8", "replace")


def aws_logs_tail(log: Log) -> bytes:
    rows = [f"{line.wall:{_ISO}}+00:00 i-0abc {_syslog(line)}" for line in split(log)]
    return ("\n".join(rows) + "\n").encode("utf-8", "replace")


def aws_insights_csv(log: Log) -> bytes:
    return _csv(
        ["@timestamp", "@message"], [[f"{line.wall:%Y-%m-%d %H:%M:%S.%f}"[:-3], _syslog(line)] for line in split(log)]
    )


def aws_insights_json(log: Log) -> bytes:
    return _json_bytes(
        [{"@timestamp": f"{line.wall:%Y-%m-%d %H:%M:%S}.000", "@message": _stamped(line)} for line in split(log)]
    )


def aws_insights_results(log: Log) -> bytes:
    results = [
        [{"field": "@timestamp", "value": f"{line.wall:%Y-%m-%d %H:%M:%S}.000"},
         {"field": "@message", "value": _stamped(line)}, {"field": "@ptr", "value": f"Cl{line.micros}"}]
        for line in split(log)
    ]  # fmt: skip
    return _json_bytes({"results": results, "statistics": {"recordsMatched": 9.0}, "status": "Complete"}, indent=4)


def _csv(head: list[str], rows: list[list[str]], *, quote_all: bool = False) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL)
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue().encode("utf-8", "replace")


def grafana_csv(log: Log) -> bytes:
    rows = [
        [str(_millis(line)), f"{line.wall:%Y-%m-%d %H:%M:%S}", _stamped(line), f"{_millis(line)}000000"]
        for line in split(log)
    ]
    return _csv(["Time", "Date", "Line", "tsNs"], rows, quote_all=True)


def grafana_labels_csv(log: Log) -> bytes:
    rows = [
        [
            '{"job":"systemd-journal","node":"node-1"}',
            f"{line.wall:%Y-%m-%d %H:%M:%S}.000",
            line.text,
            f"{_millis(line)}000000",
        ]
        for line in split(log)
    ]
    return _csv(["labels", "Time", "Line", "tsNs"], rows)


def grafana_json(log: Log) -> bytes:
    rows = [
        {"line": _stamped(line), "timestamp": f"{_millis(line)}000000", "date": f"{line.wall:{_ISO}}Z",
         "fields": {"job": "kernel", "node": "node-1"}}
        for line in split(log)
    ]  # fmt: skip
    return _json_bytes(rows, indent=2)


def grafana_txt(log: Log) -> bytes:
    rows = [f"{line.wall:{_ISO}}Z\t{_millis(line)}000000\t{_stamped(line)}" for line in split(log)]
    return ("\n".join(rows) + "\n").encode("utf-8", "replace")


def loki_api(log: Log) -> bytes:
    values = [[f"{_millis(line)}000000", line.text] for line in log]
    stream = {"stream": {"job": "systemd-journal", "transport": "kernel"}, "values": values}
    return _json_bytes({"status": "success", "data": {"resultType": "streams", "result": [stream], "stats": {}}})


def logcli_jsonl(log: Log) -> bytes:
    return _json_lines(
        [{"labels": {"job": "systemd-journal"}, "line": line.text, "timestamp": f"{line.wall:{_ISO}}Z"} for line in log]
    )


def papertrail_json(log: Log) -> bytes:
    return _json_lines(
        [{"id": 1, "received_at": f"{line.wall:{_ISO}}Z", "hostname": "node-1", "program": "kernel",
          "facility": "Kernel", "severity": "Warning", "message": line.text} for line in log]
    )  # fmt: skip


def promtail_dry_run(log: Log) -> bytes:
    return _json_lines([{"ts": f"{line.wall:{_ISO}}Z", "entry": line.text} for line in log])


def logcli_default(log: Log) -> bytes:
    rows = [f'{line.wall:%Y-%m-%dT%H:%M:%S}Z {{job="j", transport="kernel"}} {line.text}' for line in split(log)]
    return ("\n".join(rows) + "\n").encode("utf-8", "replace")


def elastic_search(log: Log) -> bytes:
    hits = [{"_index": "f-1", "_id": f"x{line.micros}", "_score": None,
             "_source": {"@timestamp": f"{line.wall:{_ISO}}Z", "message": _stamped(line), "host": {"name": "node-1"}},
             "sort": [_millis(line)]} for line in split(log)]  # fmt: skip
    return _json_bytes({"took": 4, "timed_out": False, "hits": {"total": {"value": len(log)}, "hits": hits}})


def elastic_search_pretty(log: Log) -> bytes:
    return _json_bytes(json.loads(elastic_search(log)), indent=2)


def kibana_csv(log: Log) -> bytes:
    rows = [[f"{line.wall:%b %d, %Y @ %H:%M:%S.000}", "node-1", "kernel", line.text] for line in split(log)]
    return _csv(["@timestamp", "host.name", "syslog.identifier", "message"], rows)


def splunk_csv(log: Log) -> bytes:
    rows = [[_syslog(line), f"{line.wall:{_ISO}}+0000", HOST, "syslog", "1", "main"] for line in split(log)]
    return _csv(["_raw", "_time", "host", "source", "linecount", "index"], rows, quote_all=True)


def splunk_json(log: Log) -> bytes:
    return _json_lines(
        [{"preview": False, "offset": n, "result": {"_raw": _syslog(line), "_time": f"{line.wall:{_ISO}}+00:00"}}
         for n, line in enumerate(split(log))]
    )  # fmt: skip


def datadog_csv(log: Log) -> bytes:
    rows = [[f"{line.wall:{_ISO}}Z", "i-0abc", "kernel", line.text] for line in split(log)]
    return _csv(["Date", "Host", "Service", "Message"], rows, quote_all=True)


def gcloud_json(log: Log) -> bytes:
    entries = [
        {"insertId": f"i{n}", "jsonPayload": {"MESSAGE": line.text, "PRIORITY": "6", "SYSLOG_FACILITY": "0",
                                               "SYSLOG_IDENTIFIER": "kernel", "_TRANSPORT": "kernel"},
         "labels": {"gke.googleapis.com/log_type": "system"}, "logName": "projects/p/logs/kernel",
         "resource": {"labels": {"node_name": "gke-1"}, "type": "k8s_node"}, "timestamp": f"{line.wall:{_ISO}}Z"}
        for n, line in enumerate(log)
    ]  # fmt: skip
    return _json_bytes(entries, indent=2)


def gcloud_text_payload(log: Log) -> bytes:
    entries = [
        {"insertId": f"i{n}", "resource": {"labels": {"instance_id": "1"}, "type": "gce_instance"},
         "textPayload": _stamped(line), "timestamp": f"{line.wall:{_ISO}}Z"}
        for n, line in enumerate(split(log))
    ]  # fmt: skip
    return _json_bytes(entries, indent=2)


def _yaml_scalar(text: str) -> str:
    """A string as gcloud's printer writes it: plain where it can be, else in single quotes."""
    plain = text and text[0] not in " [{}]'\"&*#?|-<>=!%@`,:" and ": " not in text and " #" not in text
    return text if plain and not text.endswith((" ", ":")) and "\n" not in text else "'" + text.replace("'", "''") + "'"


def gcloud_yaml(log: Log) -> bytes:
    out = []
    for n, line in enumerate(log):
        text = _yaml_scalar(line.text) if "\n" not in line.text else "|-\n" + "\n".join(
            "    " + part for part in line.text.split("\n"))  # fmt: skip
        out += ["---", f"insertId: i{n}", "jsonPayload:", f"  MESSAGE: {text}", "  PRIORITY: '6'",
                "  SYSLOG_FACILITY: '0'", "  SYSLOG_IDENTIFIER: kernel", "  _TRANSPORT: kernel", "labels:",
                "  gke.googleapis.com/log_type: system", "logName: projects/p/logs/kernel",
                f"timestamp: '{line.wall:{_ISO}}Z'"]  # fmt: skip
    return ("\n".join(out) + "\n").encode("utf-8", "replace")


def azure_tables(log: Log) -> bytes:
    columns = [{"name": "TimeGenerated", "type": "datetime"}, {"name": "Computer", "type": "string"},
               {"name": "SyslogMessage", "type": "string"}]  # fmt: skip
    rows = [[f"{line.wall:{_ISO}}Z", "aks-1", line.text] for line in log]
    return _json_bytes({"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]})


def azure_cli(log: Log) -> bytes:
    return _json_bytes(
        [{"Computer": "aks-1", "Facility": "kern", "SeverityLevel": "warning", "SyslogMessage": line.text,
          "TableName": "PrimaryResult", "TimeGenerated": f"{line.wall:{_ISO}}Z"} for line in log], indent=2
    )  # fmt: skip


def vector_journald(log: Log) -> bytes:
    return _json_lines(
        [{"PRIORITY": str(line.level), "SYSLOG_FACILITY": "0", "SYSLOG_IDENTIFIER": "kernel", "_TRANSPORT": "kernel",
          "host": "node-1", "message": line.text, "source_type": "journald", "timestamp": f"{line.wall:{_ISO}}Z"}
         for line in log]
    )  # fmt: skip


def filebeat(log: Log) -> bytes:
    return _json_lines(
        [{"@timestamp": f"{line.wall:{_ISO}}Z", "@metadata": {"beat": "filebeat"}, "message": _syslog(line),
          "log": {"offset": 1, "file": {"path": "/var/log/syslog"}}, "host": {"name": "node-1"}} for line in split(log)]
    )  # fmt: skip


def journalbeat(log: Log) -> bytes:
    return _json_lines(
        [{"@timestamp": f"{line.wall:{_ISO}}Z", "message": line.text, "journald": {"host": {"boot_id": "x"}},
          "syslog": {"facility": 0, "identifier": "kernel", "priority": 6}, "host": {"hostname": "node-1"}}
         for line in log]
    )  # fmt: skip


def fluent_bit_json(log: Log) -> bytes:
    return _json_lines(
        [{"date": line.wall.timestamp(), "priority": line.level, "sequence": n, "sec": line.micros // 10**6,
          "usec": line.micros % 10**6, "msg": line.text} for n, line in enumerate(log)]
    )  # fmt: skip


def fluent_bit_journal(log: Log) -> bytes:
    """The format of releases before 2.1."""
    return "\n".join(
        f'[{n}] host.kernel: [{line.wall.timestamp():.9f}, {{"SYSLOG_FACILITY"=>"0", "PRIORITY"=>"{line.level}", '
        f'"MESSAGE"=>{json.dumps(line.text, ensure_ascii=False)}, "_TRANSPORT"=>"kernel"}}]'
        for n, line in enumerate(log)
    ).encode("utf-8", "replace")


def otlp(log: Log) -> bytes:
    records = [
        {"timeUnixNano": f"{_millis(line)}000000", "body": {"stringValue": line.text}, "traceId": ""} for line in log
    ]
    resource = {"attributes": [{"key": "host.name", "value": {"stringValue": "node-1"}}]}
    return _json_bytes({"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {}, "logRecords": records}]}]})


def otlp_map(log: Log) -> bytes:
    """The collector's journald receiver: the entry is the body."""
    records = [
        {"timeUnixNano": f"{_millis(line)}000000",
         "body": {"kvlistValue": {"values": [{"key": "_TRANSPORT", "value": {"stringValue": "kernel"}},
                                              {"key": "MESSAGE", "value": {"stringValue": line.text}}]}}}
        for line in log
    ]  # fmt: skip
    return _json_bytes({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})


def logfmt(log: Log) -> bytes:
    rows = [
        f"ts={line.wall:{_ISO}}Z level={LEVELS[line.level]} host=node-1 transport=kernel msg={json.dumps(line.text)}"
        for line in log
    ]
    return ("\n".join(rows) + "\n").encode("utf-8", "replace")


def cri_of_journal_json(log: Log) -> bytes:
    rows = journal_json(log).decode("utf-8", "replace").splitlines()
    return "".join(f"2026-02-27T23:59:00.123456789Z stdout F {row}\n" for row in rows).encode("utf-8", "replace")


def docker_of_journal_json(log: Log) -> bytes:
    rows = journal_json(log).decode("utf-8", "replace").splitlines()
    return _json_lines([{"log": row + "\n", "stream": "stdout", "time": "2026-02-27T23:59:00.1Z"} for row in rows])


def json_in_json_in_cri(log: Log) -> bytes:
    entries = [
        json.dumps({"log": json.dumps({"log": _stamped(line) + "\n", "stream": "stdout"})}) for line in split(log)
    ]
    return "".join(f"2026-02-27T23:59:00.123456789Z stdout F {row}\n" for row in entries).encode("utf-8", "replace")


def stern_json(log: Log) -> bytes:
    return _json_lines(
        [{"message": _stamped(line), "nodeName": "node-1", "namespace": "d", "podName": "dmesg-x7k2p",
          "containerName": "dmesg"} for line in split(log)]
    )  # fmt: skip


def kubectl_prefix_timestamps(log: Log) -> bytes:
    rows = dmesg(log).decode("utf-8", "replace").splitlines()
    return "".join(f"[pod/dmesg-x7k2p/dmesg] 2026-02-27T23:59:00.123456789Z {row}\n" for row in rows).encode()


def ocp_node_logs(log: Log) -> bytes:
    rows = [
        f"ip-10-0-0-1.ec2.internal {line.wall:%b %d %H:%M:%S.%f} ip-10-0-0-1 kernel: {line.text}" for line in split(log)
    ]
    return ("\n".join(rows) + "\n").encode("utf-8", "replace")


JSON_EXPORTS = (
    aws_get_log_events, aws_get_log_events_compact, aws_filter_log_events, aws_insights_json, aws_insights_results,
    papertrail_json, promtail_dry_run, grafana_json, loki_api, logcli_jsonl, elastic_search, elastic_search_pretty,
    splunk_json, gcloud_json, gcloud_text_payload, azure_tables, azure_cli, vector_journald, filebeat, journalbeat, fluent_bit_json,
    fluent_bit_journal, otlp, otlp_map, cri_of_journal_json, docker_of_journal_json, json_in_json_in_cri, stern_json,
)  # fmt: skip
TEXT_EXPORTS = (
    aws_filter_text, aws_logs_tail, grafana_txt, logcli_default, logfmt, kubectl_prefix_timestamps, ocp_node_logs,
    gcloud_yaml,
)  # fmt: skip
CSV_EXPORTS = (aws_insights_csv, grafana_csv, grafana_labels_csv, kibana_csv, splunk_csv, datadog_csv)
