{{- define "luthier.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Name of all objects: the release's, with the chart's behind it unless it is already there. */}}
{{- define "luthier.fullname" -}}
{{- $name := include "luthier.name" . }}
{{- $both := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $both .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "luthier.selectorLabels" -}}
app.kubernetes.io/name: {{ include "luthier.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "luthier.labels" -}}
{{ include "luthier.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: luthier
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels of monitors and rules: those by which a Prometheus selects them come on top. */}}
{{- define "luthier.monitoringLabels" -}}
{{- include "luthier.labels" . }}
{{- with .Values.monitoring.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "luthier.serviceAccountName" -}}
{{- $own := .Values.serviceAccount.create | ternary (include "luthier.fullname" .) "default" }}
{{- default $own .Values.serviceAccount.name }}
{{- end }}

{{/* Reference of an image; call with a dict of `image` and `root`. A digest wins over a tag. */}}
{{- define "luthier.image" -}}
{{- if .image.digest }}
{{- printf "%s@%s" .image.repository .image.digest }}
{{- else }}
{{- printf "%s:%s" .image.repository (default .root.Chart.AppVersion .image.tag) }}
{{- end }}
{{- end }}

{{/* What the operator may do in a namespace: with a Role in each, or with one ClusterRole for all. */}}
{{- define "luthier.rules" -}}
- apiGroups: [luthier.dev]
  resources: [tuningexperiments]
  verbs: [list, watch, delete]  # delete: ttlSecondsAfterFinished
- apiGroups: [luthier.dev]
  resources: [tuningexperiments/status]
  verbs: [patch]
- apiGroups: [luthier.dev]
  resources: [tuningexperiments/finalizers]  # some clusters ask for it where an owner reference blocks the deletion
  verbs: [update]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [services, persistentvolumeclaims]
  verbs: [get, create]  # they end by their owner references
{{- if .Values.networkPolicy.experiments.enabled }}
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, create]
{{- end }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create]  # no list, no watch: only an experiment's own token is read, by its name
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  verbs: [list, create]  # list: why a pod does not start
{{- end }}

{{/* Who may reach the drivers' progress port, as NetworkPolicyPeers in JSON: the operator, and who is named. */}}
{{- define "luthier.driverClients" -}}
{{- $place := dict "matchLabels" (dict "kubernetes.io/metadata.name" .Release.Namespace) }}
{{- $pods := dict "matchLabels" (include "luthier.selectorLabels" . | fromYaml) }}
{{- $operator := dict "namespaceSelector" $place "podSelector" $pods }}
{{- concat (list $operator) .Values.networkPolicy.experiments.metricsFrom | toJson }}
{{- end }}
