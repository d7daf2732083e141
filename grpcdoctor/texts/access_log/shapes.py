"""Words that can be known by their form alone: clusters, details, flags, addresses. For formats of unknown names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from grpcdoctor.texts.access_log.entry import Entry
from grpcdoctor.texts.access_log.tokens import FLAGS, flags

CLUSTER: Final = re.compile(
    r"(?:outbound|inbound)\|\d{0,5}\|[^|\s]*\|\S*|(?:Inbound)?PassthroughCluster(?:Ipv[46])?|BlackHoleCluster"
)
SERVER_NAME: Final = re.compile(r"outbound_\.\d{1,5}_\.\S*")
PROTOCOL: Final = re.compile(r"HTTP/(?:0\.9|1\.0|1\.1|2|2\.0|3|3\.0)")
ADDRESS: Final = re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]{2,45}\]):\d{1,5}")
HOST: Final = re.compile(r"(?=[^:]*[.a-zA-Z])[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,252}(?::\d{1,5})?")
# Words of RESPONSE_CODE_DETAILS: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/
# response_code_details
DETAILS: Final = re.compile(
    r"via_upstream|upstream_reset_(?:before|after)_response_started(?:\{\S*)?|no_healthy_upstream|route_not_found|"
    r"route_configuration_not_found|cluster_not_found|direct_response|filter_chain_not_found|http[123]\.[\w.]+|"
    r"rbac_access_denied\S*|jwt_authn_access_denied\S*|ext_authz_(?:denied|error)|fault_filter_abort|overload|"
    r"(?:response|request_overall|request_header|downstream_header|stream_idle|max_duration|transport_socket)_timeout|"
    r"downstream_(?:remote|local)_disconnect\S*|(?:local|request)_rate_limited|low_version|upgrade_failed|"
    r"upstream_(?:per_try_timeout|per_try_idle_timeout|max_stream_duration_reached|response_timeout)|"
    r"maintenance_mode|drop_overload|(?:request|response)_payload_\w+|missing_host_header|missing_path_rejected|"
    r"path_normalization_failed|internal_redirect|admin_filter_response|(?:max_connection_)?duration_\w+"
)


def by_shape(entry: Entry, words: Sequence[object]) -> Entry:
    """The entry with what values under unknown names give away."""
    for word in words:
        if not isinstance(word, str) or len(word) < 2 or not word[0].isalpha():
            continue
        if word in FLAGS or ("," in word and all(each in FLAGS for each in word.split(","))):
            entry = entry._replace(flags=entry.flags or flags(word))
        elif DETAILS.fullmatch(word):
            entry = entry._replace(code_details=entry.code_details or word)
        elif CLUSTER.fullmatch(word):
            entry = entry._replace(upstream_cluster=entry.upstream_cluster or word)
        elif PROTOCOL.fullmatch(word):
            entry = entry._replace(protocol=entry.protocol or word)
    return entry
