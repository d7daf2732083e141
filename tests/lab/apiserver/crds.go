//go:build crds

// Package apiserver pins the modules that install_cluster.sh takes custom resource definitions from; it is never built.
package apiserver

import (
	_ "istio.io/api/label"
	_ "sigs.k8s.io/gateway-api/pkg/consts"
)
