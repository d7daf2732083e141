"""Rules about policies: timeouts, retries, faults, TLS between hops, authorization, pools."""
