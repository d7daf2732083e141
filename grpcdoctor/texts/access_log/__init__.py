"""Access logs of any proxy at volume: read, parsed a line at a time, filtered, counted in groups in bounded memory."""

from grpcdoctor.texts.access_log.aggregate import Aggregator
from grpcdoctor.texts.access_log.decompress import UnreadableLogError
from grpcdoctor.texts.access_log.entry import Entry, UpstreamCluster, upstream_cluster
from grpcdoctor.texts.access_log.filters import LogFilter, Since, parse_since
from grpcdoctor.texts.access_log.outcome import Outcome
from grpcdoctor.texts.access_log.parse import parse_line
from grpcdoctor.texts.access_log.reading import LogReader
from grpcdoctor.texts.access_log.summary import Counts, GroupKey, GroupSummary, Slots, Summary

__all__ = [
    "Aggregator",
    "Counts",
    "Entry",
    "GroupKey",
    "GroupSummary",
    "LogFilter",
    "LogReader",
    "Outcome",
    "Since",
    "Slots",
    "Summary",
    "UnreadableLogError",
    "UpstreamCluster",
    "parse_line",
    "parse_since",
    "upstream_cluster",
]
