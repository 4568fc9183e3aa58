{{- define "oomreport.agentNamespace" -}}
{{- .Values.agent.namespace.name | default .Release.Namespace -}}
{{- end }}

{{/* Labels of an object of `root`, and `more`; of one key the last counts, so that no map has a key twice. */}}
{{- define "oomreport.labelsWith" -}}
{{- $chart := printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" -}}
{{- $labels := dict "app.kubernetes.io/instance" .root.Release.Name "helm.sh/chart" $chart -}}
{{- toYaml (mergeOverwrite $labels (include "oomreport.podLabels" . | fromYaml)) -}}
{{- end }}

{{- define "oomreport.labels" -}}
{{- include "oomreport.labelsWith" (dict "root" . "more" dict) -}}
{{- end }}

{{/* Labels of pods, which change no selector and do not roll pods when the chart's version changes. */}}
{{- define "oomreport.podLabels" -}}
{{- $labels := dict "app.kubernetes.io/part-of" "oomreport" "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- toYaml (mergeOverwrite $labels .root.Values.commonLabels .more (dict "app.kubernetes.io/name" "oomreport")) -}}
{{- end }}

{{- define "oomreport.image" -}}
{{- $image := .Values.image -}}
{{- $registry := .Values.global.imageRegistry | default $image.registry -}}
{{- with $registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "oomreport.pullSecrets" -}}
{{- $names := list -}}
{{- range concat (.Values.global.imagePullSecrets | default list) .Values.imagePullSecrets -}}
{{- $names = append $names (kindIs "map" . | ternary . (dict "name" .)) -}}
{{- end -}}
{{- with $names | uniq -}}
{{- toYaml . -}}
{{- end -}}
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
