{{- define "impact-in.name" -}}
{{/* Names of Services have 63 characters at most, `-migration` and the like among them. */}}
{{- $name := .Release.Name }}
{{- if not (contains "impact-in" $name) }}{{ $name = printf "%s-impact-in" (trunc 42 $name | trimSuffix "-") }}{{ end }}
{{- trunc 52 $name | trimSuffix "-" }}
{{- end }}

{{- define "impact-in.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "impact-in.selector" -}}
app.kubernetes.io/name: impact-in
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "impact-in.labels" -}}
{{ include "impact-in.selector" . }}
{{/* Of `1.2.3@sha256:…` what may stand in a label. */}}
app.kubernetes.io/version: {{ regexReplaceAll "[^A-Za-z0-9._-].*" (.Values.image.tag | default .Chart.AppVersion) "" | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* What every process is told beside its secrets. */}}
{{- define "impact-in.settings" -}}
COCKPIT_URL: {{ .Values.urls.cockpit | quote }}
DAGSTER_UI_URL: {{ .Values.urls.dagster | quote }}
{{- if not .Values.env.DAGSTER_INTERNAL_URL }}
DAGSTER_INTERNAL_URL: "http://{{ include "impact-in.name" . }}-web:3000"
{{- end }}
# A mount of its own: what a runtime makes below one belongs to root.
DAGSTER_HOME: /var/lib/impact-in
DRAINS_PER_PLATFORM: {{ .Values.drains.perPlatform | quote }}
{{- if .Values.archive.claim }}
IMPACT_IN_ARCHIVE: /var/lib/impact-in-archive
{{- end }}
{{- range $name, $value := .Values.env }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Pods of ours: nobody's root, nothing writable but two folders in memory or on the node. */}}
{{- define "impact-in.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "impact-in.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities: {drop: [ALL]}
{{- end }}

{{- define "impact-in.volumes" -}}
- name: state
  emptyDir: {sizeLimit: 1Gi}
- name: tmp
  emptyDir: {sizeLimit: 512Mi}
- name: instance
  configMap: {name: {{ include "impact-in.name" . }}-instance}
{{- end }}

{{- define "impact-in.volumeMounts" -}}
- {name: state, mountPath: /var/lib/impact-in}
- {name: tmp, mountPath: /tmp}
- {name: instance, mountPath: /var/lib/impact-in/dagster.yaml, subPath: dagster.yaml}
{{- end }}

{{- define "impact-in.environment" -}}
- configMapRef: {name: {{ include "impact-in.name" . }}-settings}
{{- range .Values.secrets }}
- secretRef: {name: {{ . | quote }}}
{{- end }}
{{- end }}

{{/* A Deployment: (dict "root" $ "component" "api" "account" "…" "values" .Values.api "replicas" 2 "container" "…" "strategy" "…") */}}
{{- define "impact-in.deployment" -}}
{{- $ := .root -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "impact-in.name" $ }}-{{ .component }}
  labels:
    {{- include "impact-in.labels" $ | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  replicas: {{ .replicas }}
  strategy:
    {{- .strategy | nindent 4 }}
  selector:
    matchLabels:
      {{- include "impact-in.selector" $ | nindent 6 }}
      app.kubernetes.io/component: {{ .component }}
  template:
    metadata:
      labels:
        {{- include "impact-in.labels" $ | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
      annotations:
        # Processes read settings once, at start: a change starts them again.
        checksum/settings: {{ include "impact-in.settings" $ | sha256sum }}
        checksum/instance: {{ include "impact-in.instance" $ | sha256sum }}
    spec:
      serviceAccountName: {{ include "impact-in.name" $ }}{{ if .token }}-launcher{{ end }}
      automountServiceAccountToken: {{ .token }}
      enableServiceLinks: false
      # What is under way is recorded first (docs/operations.md, Stopping).
      terminationGracePeriodSeconds: 90
      securityContext:
        {{- include "impact-in.podSecurity" $ | nindent 8 }}
      {{- with $.Values.image.pullSecrets }}
      imagePullSecrets:
        {{- range . }}
        - name: {{ . | quote }}
        {{- end }}
      {{- end }}
      {{- if gt (int .replicas) 1 }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "impact-in.selector" $ | nindent 14 }}
              app.kubernetes.io/component: {{ .component }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "impact-in.image" $ | quote }}
          imagePullPolicy: {{ $.Values.image.pullPolicy }}
          securityContext:
            {{- include "impact-in.containerSecurity" $ | nindent 12 }}
          envFrom:
            {{- include "impact-in.environment" $ | nindent 12 }}
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          volumeMounts:
            {{- include "impact-in.volumeMounts" $ | nindent 12 }}
            {{- if .workspace }}
            - {name: workspace, mountPath: /etc/impact-in}
            {{- end }}
            {{- if and .archive $.Values.archive.claim }}
            - {name: archive, mountPath: /var/lib/impact-in-archive}
            {{- end }}
          {{- .container | nindent 10 }}
      volumes:
        {{- include "impact-in.volumes" $ | nindent 8 }}
        {{- if .workspace }}
        - name: workspace
          configMap: {name: {{ include "impact-in.name" $ }}-workspace}
        {{- end }}
        {{- if and .archive $.Values.archive.claim }}
        - name: archive
          persistentVolumeClaim: {claimName: {{ $.Values.archive.claim | quote }}}
        {{- end }}
      {{- with .values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
