"""A Kubernetes cluster on this machine: `native` (plain processes in namespaces), `kind`, or one that exists.

    cli          verbs and their options
    native       the node: namespaces, control plane, kubelet, containerd; apionly is its control plane alone
    kind         kind, for machines with Docker
    existing     a cluster somebody else runs
    product      the image from the Dockerfile, and the manifests
    binaries     Kubernetes and friends compiled from the Go modules beside this package

The standard library only: this runs before any virtual environment exists.
"""
