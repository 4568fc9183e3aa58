{{- define "oomreport.agentNamespace" -}}
{{- .Values.agent.namespace.name | default .Release.Namespace -}}
{{- end }}

{{/* Labels of every object. */}}
{{- define "oomreport.labels" -}}
app.kubernetes.io/name: oomreport
app.kubernetes.io/part-of: oomreport
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels of pods, which change no selector and do not roll pods when the chart's version changes. */}}
{{- define "oomreport.podLabels" -}}
app.kubernetes.io/name: oomreport
app.kubernetes.io/part-of: oomreport
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "oomreport.image" -}}
{{- $image := .Values.image -}}
{{- $registry := .Values.global.imageRegistry | default $image.registry -}}
{{- with $registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "oomreport.pullSecrets" -}}
{{- $names := concat (.Values.global.imagePullSecrets | default list) .Values.imagePullSecrets | uniq -}}
{{- range $names }}
- name: {{ . }}
{{- end }}
{{- end }}

{{/* The objects of a file of manifests/, in the namespaces and with the labels of this release. */}}
{{- define "oomreport.shared" -}}
{{- $root := .root -}}
{{- $agent := include "oomreport.agentNamespace" $root -}}
{{- $text := $root.Files.Get .file | replace "oomreport-system" $root.Release.Namespace -}}
{{- $text = $text | replace "namespace: oomreport-agent" (printf "namespace: %s" $agent) -}}
{{- $text = $text | replace "serviceaccount:oomreport-agent:" (printf "serviceaccount:%s:" $agent) -}}
{{- $text = $text | replace "kubernetes.io/metadata.name: oomreport-agent" (printf "kubernetes.io/metadata.name: %s" $agent) -}}
{{- range $document := splitList "\n---\n" $text }}
{{- $object := fromYaml $document }}
{{- if hasKey $object "Error" }}{{ fail (printf "%s: %s" $.file (get $object "Error")) }}{{ end }}
{{- if $object.kind }}
{{- $labels := $object.metadata.labels | default dict }}
{{- $ofAgent := eq (get $labels "app.kubernetes.io/component" | default "") "agent" }}
{{- $policy := hasPrefix "ValidatingAdmissionPolicy" $object.kind }}
{{- $skip := or (and $ofAgent (not $root.Values.agent.enabled)) (and $policy (not $root.Values.admissionPolicies.enabled)) }}
{{- $skip = or $skip (and (eq $object.kind "NetworkPolicy") (not $root.Values.networkPolicy.enabled)) }}
{{- if not $skip }}
{{- $_ := set $object.metadata "labels" (merge dict (include "oomreport.labels" $root | fromYaml) $labels) }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
