"""Connection: one API server, one identity, one pool of sockets. It can only GET, and ask what it may (`review`)."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.live.access import Access, access_of, shared_context
from grpcdoctor.cluster.live.answers import JSON, Answer, Asker, Failure, RequestFailed
from grpcdoctor.cluster.live.errors import ClusterError, NoClusterError
from grpcdoctor.cluster.live.expiry import expired_credential
from grpcdoctor.cluster.live.kubeconfig import (
    ACCOUNT,
    DEFAULT_NAMESPACE,
    Context,
    cluster_at_hand,
    kubeconfig_files,
    read_context,
)
from grpcdoctor.cluster.live.login import impersonation, log_in, log_in_as_pod
from grpcdoctor.cluster.live.troubles import NoAnswer, no_answer
from grpcdoctor.version import __version__
from grpcdoctor.wire.deadline import Deadline

PARALLEL: Final = 8
"""Requests at a time: a quarter of what kubectl and controllers hold open, and enough to hide the way there."""
CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 20.0
"""Silence that ends an attempt."""
GREETING_SECONDS: Final = 10.0
_CHUNK: Final = 1 << 16
_REVIEW_PATH: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Connection:
    """A logged-in client of one cluster, for many threads. Neither its repr nor what it raises holds a credential."""

    def __init__(
        self,
        configuration: Any,
        context: str,
        namespace: str = DEFAULT_NAMESPACE,
        extra_headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        from kubernetes.client import ApiClient

        configuration.connection_pool_maxsize = PARALLEL
        if not configuration.verify_ssl:
            _accept_that_nothing_is_verified()
        api_client: Any = ApiClient
        self.context = context
        self.namespace = namespace
        """Of the context."""
        self.server = _without_credentials(configuration.host)
        self.version = ""
        """Of the API server, where it tells: `v1.33.1`."""
        self._base = configuration.host.rstrip("/")
        self._configuration = configuration
        try:
            self._client = api_client(configuration)
        except Exception as error:  # of urllib3; its text has the URL of the proxy, maybe with a password
            why = f"the client cannot be set up ({type(error).__name__}); see proxy-url and HTTPS_PROXY"
            raise ClusterError(f"{context}: {why}") from None
        self._extra_headers = tuple(extra_headers)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Connection {self.context} {self.server}>"

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes its sockets; they open again when asked."""
        self._client.close()

    @property
    def address(self) -> str:
        """Host and port."""
        return urlsplit(self.server).netloc or self.server

    def get(self, path: str, query: Sequence[tuple[str, str]], deadline: Deadline, accept: str = JSON) -> Answer:
        """The answer to one request, whatever its status. NoAnswer where none comes before the deadline."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path, accept, deadline)

    def review(self, question: bytes, deadline: Deadline) -> Answer:
        """The answer to a SelfSubjectAccessReview: whether this identity may do something.

        The only POST there is, for Kubernetes has no GET for it. It creates and changes nothing: the API server answers
        and keeps no object (a virtual resource), so whoever may only look may ask it.
        """
        return self._ask("POST", _REVIEW_PATH, JSON, deadline, question)

    def access(self) -> Access:
        """What a socket of ours needs to reach the same server as the same identity. OSError: files that are gone."""
        return access_of(self._base, self._pool(), self._credentials())

    def _pool(self) -> Any:
        """Below the client's generated methods, which differ between its releases, and make models of JSON."""
        pool = self._client.rest_client.pool_manager
        if self._base.startswith("https:"):
            with self._lock:
                shared_context(pool)
        return pool

    def _ask(self, method: str, path: str, accept: str, deadline: Deadline, body: bytes | None = None) -> Answer:
        import urllib3

        left = deadline.remaining
        if left <= 0:
            raise NoAnswer("the time for it was over")
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, left), read=min(READ_SECONDS, left))
        try:
            response: Any = self._pool().request(
                method, self._base + path, body=body, headers=self._headers(accept), timeout=timeout,
                retries=False, redirect=False, preload_content=False,
            )  # fmt: skip
            content = _body(response, deadline)
        except Exception as error:
            # Without its cause: what urllib3 raises may quote the URL of a proxy with its password.
            raise no_answer(error, self.address) from None
        said: Mapping[str, str] = response.headers
        return Answer(
            response.status, said.get("content-type", "").lower(), said.get("retry-after", "").strip(), content
        )

    def greet(self, seconds: float = GREETING_SECONDS) -> None:
        """Finds out whether an API server is there and takes the credentials. ClusterError if not."""
        try:
            said = Asker(self, Deadline.after(seconds)).ask("/version")
            self.version = text_at(said, "gitVersion")
        except RequestFailed as failed:
            problem = self._problem(failed.failure)
            if problem:
                raise ClusterError(f"{self.context}: {problem}") from None

    def _problem(self, failure: Failure) -> str | None:
        """Why nothing can be read; None where it merely does not tell its version to everybody."""
        if failure.status == 401:
            why = expired_credential(self._configuration) or "they have expired or were revoked"
            return (
                f"{self.address} does not accept the credentials (HTTP 401): {why}; log in anew until "
                f"`kubectl get --raw /version` works"
            )
        if failure.status and text_at(failure.body, "kind") == "Status" and failure.status < 500:
            return None
        if 300 <= failure.status < 500:
            return (
                f"{self.server} is no Kubernetes API server, or a login page stands before it ({failure.words}); "
                "see `server` in the kubeconfig"
            )
        return f"{self.address} cannot be asked now: {failure.words}" if failure.status else failure.words

    def _headers(self, accept: str) -> Any:
        from urllib3._collections import HTTPHeaderDict  # urllib3 itself has it only from 2 on

        headers = HTTPHeaderDict()
        headers["Accept"] = accept
        headers["Accept-Encoding"] = "gzip"
        headers["Content-Type"] = JSON  # of a review; a GET has nothing that this could be about
        for name, value in self._credentials():
            headers.add(name, value)
        return headers

    def _credentials(self) -> list[tuple[str, str]]:
        """The headers that say who asks."""
        with self._lock:  # it may read the token's file, or run the exec plugin again
            token = self._configuration.auth_settings().get("BearerToken", {}).get("value")
        bearer = [("Authorization", token)] if token else []
        return [("User-Agent", f"grpcdoctor/{__version__}"), *bearer, *self._extra_headers]


def connect(
    context: str | None = None, kubeconfig: str | None = None, timeout_seconds: float = GREETING_SECONDS
) -> Connection:
    """A connection that has been tried: by kubeconfig (the argument, KUBECONFIG, ~/.kube/config), else as a pod."""
    if not cluster_at_hand(kubeconfig):
        raise NoClusterError(
            "no cluster: neither KUBECONFIG nor ~/.kube/config is there, and this is no pod; name one with --kubeconfig"
        )
    files = kubeconfig_files(kubeconfig)
    if files:
        connection = _by_kubeconfig(read_context(files, context))
    elif kubeconfig is not None:
        raise ClusterError(f"{kubeconfig}: no such kubeconfig, or it is empty; see --kubeconfig")
    elif context is not None:
        raise ClusterError(f"context {context}: there is no kubeconfig to look for it; name one with --kubeconfig")
    else:
        connection = Connection(log_in_as_pod(), "in-cluster", _namespace_of_pod())
    try:
        connection.greet(timeout_seconds)
    except BaseException:
        connection.close()
        raise
    return connection


def _by_kubeconfig(context: Context) -> Connection:
    return Connection(log_in(context), context.name, context.namespace, impersonation(context.user))


def _namespace_of_pod() -> str:
    try:
        return (ACCOUNT / "namespace").read_text(encoding="utf-8").strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE


def _body(response: Any, deadline: Deadline) -> bytes:
    """The whole body; a server that sends it drop by drop is held to the deadline, too."""
    # read() of a size waits for all of it; read1() (urllib3 2) returns what came.
    read = getattr(response, "read1", response.read)
    chunks: list[bytes] = []
    try:
        while chunk := read(_CHUNK):
            chunks.append(chunk)
            if deadline.expired:
                raise TimeoutError
    except BaseException:
        response.close()  # what is left of the body must not be taken for the next answer
        raise
    response.release_conn()
    return b"".join(chunks)


def _without_credentials(url: str) -> str:
    before, at, after = url.rpartition("@")
    return f"{before.partition('://')[0]}://{after}" if at else url


def _accept_that_nothing_is_verified() -> None:
    """The kubeconfig says insecure-skip-tls-verify: no warning for each request on our user's terminal."""
    import warnings

    from urllib3.exceptions import InsecureRequestWarning

    warnings.filterwarnings("ignore", category=InsecureRequestWarning)
