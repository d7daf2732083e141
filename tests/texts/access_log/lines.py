"""Lines of every format, each with what it must say."""

from __future__ import annotations

import json

DETAILS = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}"
CLUSTER = "outbound|50051|v1|greeter.prod.svc.cluster.local"
ISTIO = (
    f'[2026-11-25T04:46:04.123Z] "POST /lab.Greeter/SayHello HTTP/2" 503 UF,URX {DETAILS} - '
    '"delayed_connect_error:_Connection_refused" 5 7 12 - "-" "grpc-go/1.60" "abc" "greeter.prod:50051" '
    f'"10.0.0.1:50051" {CLUSTER} 10.0.0.9:4444 10.1.1.1:50051 10.0.0.9:3333 - default'
)
ENVOY = (
    '[2026-11-25T04:46:04.123Z] "POST /lab.Greeter/SayHello HTTP/2" 200 - 5 7 12 11 "-" "grpc-go/1.60" "abc" '
    '"greeter.prod:50051" "10.0.0.1:50051"'
)
ISTIO_JSON = {
    "start_time": "2026-11-25T04:46:04.123Z", "method": "POST", "path": "/lab.Greeter/SayHello", "protocol": "HTTP/2",
    "response_code": 503, "response_flags": "UF,URX", "response_code_details": DETAILS, "duration": 12,
    "connection_termination_details": None, "upstream_transport_failure_reason": "delayed_connect_error", "authority":
    "greeter.prod:50051", "upstream_host": "10.0.0.1:50051", "upstream_cluster": CLUSTER, "bytes_received": 5,
    "bytes_sent": 7, "requested_server_name": None, "route_name": "default", "upstream_service_time": "11",
}  # fmt: skip

OTHERS: dict[str, tuple[str, dict[str, object]]] = {
    "istio-text-old": (
        '[2020-11-25T04:46:04.123Z] "GET /p HTTP/1.1" 503 UF "-" "-" 0 91 3 - "-" "curl/7" "id" "httpbin:8000" '
        '"10.0.0.1:80" outbound|8000||httpbin.default.svc.cluster.local - 10.1.1.1:8000 10.0.0.9:1 -',
        {"flags": ("UF",), "bytes_sent": 91, "upstream_host": "10.0.0.1:80", "duration_ms": 3},
    ),
    "text": (
        '[2026-11-25 04:46:04,123] "POST /a.B/C HTTP/2" 503 UC upstream_reset_before_response_started{x} Unavailable '
        '5 6 60001 "10.2.3.4:80" outbound|80||b.ns.svc.cluster.local "b.ns:80" "grpc-node-js/1.8"',
        {"flags": ("UC",), "grpc_status": 14, "duration_ms": 60001, "authority": "b.ns:80",
         "upstream_cluster": "outbound|80||b.ns.svc.cluster.local", "upstream_host": "10.2.3.4:80"},
    ),
    "logfmt": (
        "time=2026-11-25T04:46:04Z method=POST path=/a.B/C status=200 flags=UF grpc_status=14 duration=15ms",
        {"flags": ("UF",), "grpc_status": 14, "duration_ms": 15, "response_code": 200},
    ),
    "ingress-nginx": (
        '10.0.0.5 - - [25/Nov/2026:04:46:04 +0000] "POST /a.B/C HTTP/2.0" 502 150 "-" "grpc-go/1.6" 45 0.003 '
        "[prod-greeter-50051] [] 10.0.0.1:50051, 10.0.0.2:50051 0, 0 0.001, 0.002 502, 502 deadbeef",
        {"upstream_host": "10.0.0.2:50051", "duration_ms": 3, "upstream_code": 502, "bytes_received": 45},
    ),
    "nginx": (
        '10.0.0.5 - bob [25/Nov/2026:04:46:04 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/7.88"',
        {"path": "/", "bytes_sent": 612, "user_agent": "curl/7.88"},
    ),
    "haproxy": (
        "Nov 25 04:46:04 h haproxy[99]: 127.0.0.1:4444 [25/Nov/2026:04:46:04.123] fe~ be/only 0/0/-1/-1/1003 503 217 "
        '- - SC-- 1/1/0/0/2 0/0 "POST https://localhost/lab.Greeter/SayHello HTTP/2.0"',
        {"response_code": 503, "code_details": "SC--", "duration_ms": 1003, "authority": "localhost"},
    ),
    "aws-alb": (
        "h2 2026-11-25T04:46:04.186641Z app/my-lb/50dc 10.0.1.252:48160 10.0.0.66:9000 0.000 0.002 0.000 502 - 5 257 "
        '"POST https://10.0.2.105:773/a.B/C HTTP/2.0" "grpc" ECDHE TLSv1.2 arn:aws "Root=1-5" "-" "-" 1 '
        '2026-11-25T04:46:04.186641Z "forward" "-" "-" "10.0.0.66:9000" "-" "-" "-"',
        {"response_code": 502, "duration_ms": 2, "path": "/a.B/C", "upstream_code": None},
    ),
    "traefik": (
        '10.0.0.5 - - [25/Nov/2026:04:46:04 +0000] "POST /a.B/C HTTP/2.0" 502 11 "-" "-" 7 "r@docker" '
        '"http://10.0.0.1:80" 3ms',
        {"upstream_host": "10.0.0.1:80", "route_name": "r@docker", "duration_ms": 3},
    ),
    "traefik-json": (
        json.dumps({"RequestMethod": "POST", "RequestPath": "/a.B/C", "DownstreamStatus": 502, "OriginStatus": 0,
                    "Duration": 12000000, "RequestHost": "x", "StartUTC": "2026-11-25T04:46:04.123456789Z"}),
        {"response_code": 502, "duration_ms": 12, "authority": "x"},
    ),
    "json": (
        json.dumps({"code": 200, "grpc": "Unavailable", "flags": "UF", "path": "/a.B/C", "x": CLUSTER}),
        {"flags": ("UF",), "grpc_status": 14, "upstream_cluster": CLUSTER},
    ),
}  # fmt: skip

PREFIXES = (
    "",
    "[pod/greeter-1/istio-proxy] ",
    "greeter-1 istio-proxy ",
    "2026-11-25T04:46:04.123456789Z stdout F ",
    "Nov 25 04:46:04 node-1 envoy[123]: ",
    "\x1b[32mgreeter-1\x1b[0m ",
)

NO_ACCESS_LOG = (
    "",
    "hello",
    "[",
    "{",
    '{"level":"info","msg":"started","port":8080}',
    'I1125 04:46:04.1 1 main.go:3] "Adding" pod="x/y" a=1 b=2 c=3 status="ok"',
    'rpc error: code = Unavailable desc = "transport is closing"',
    'time="2026-11-25T04:46:04Z" level=info msg="finished" method=Get service=x code=OK duration=3ms',
    "[2026-11-25 04:46:04.123][12][warning][config] gRPC config stream closed: 14, upstream connect error",
    '2026-11-25T04:46:04.1Z INFO  io.grpc.Server - started "server" on=0.0.0.0:50051',
)
