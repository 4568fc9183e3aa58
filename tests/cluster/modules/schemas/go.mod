module oomreport.dev/tests/cluster/schemas

go 1.26.8

require (
	github.com/derailed/k9s v0.50.16
	github.com/openshift/api v0.0.0-20260420151639-34e60874783e
	github.com/prometheus-operator/prometheus-operator v0.85.0
	k8s.io/kubernetes v1.32.13
)
