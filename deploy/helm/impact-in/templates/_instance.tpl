{{/* dagster.yaml: the checkout's (a test compares them), with runs as pods and logs to standard output. */}}
{{- define "impact-in.instance" -}}
storage:
  postgres:
    postgres_url:
      env: DAGSTER_POSTGRES_URL

# A run's pod is gone when somebody looks: the cluster's logging keeps what it wrote.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager

run_launcher:
  module: dagster_k8s
  class: K8sRunLauncher
  config:
    job_namespace: {{ .Release.Namespace }}
    service_account_name: {{ include "impact-in.name" . }}
    instance_config_map: {{ include "impact-in.name" . }}-instance
    dagster_home: /var/lib/impact-in
    job_image: {{ include "impact-in.image" . | quote }}
    image_pull_policy: {{ .Values.image.pullPolicy }}
    {{- with .Values.image.pullSecrets }}
    image_pull_secrets:
      {{- range . }}
      - name: {{ . | quote }}
      {{- end }}
    {{- end }}
    load_incluster_config: true
    env_config_maps: [{{ include "impact-in.name" . }}-settings]
    env_secrets: {{ toJson .Values.secrets }}
    labels:
      {{- include "impact-in.selector" . | nindent 6 }}
      app.kubernetes.io/component: run
    run_k8s_config:
      container_config:
        resources:
          {{- toYaml .Values.drains.resources | nindent 10 }}
        security_context:
          allow_privilege_escalation: false
          read_only_root_filesystem: true
          privileged: false
          capabilities: {drop: [ALL]}
        volume_mounts:
          - {name: state, mount_path: /var/lib/impact-in}
          - {name: tmp, mount_path: /tmp}
          # The launcher names the ConfigMap but mounts nothing: a run gets the instance by its arguments.
          - {name: instance, mount_path: /var/lib/impact-in/dagster.yaml, sub_path: dagster.yaml}
          {{- if .Values.archive.claim }}
          - {name: archive, mount_path: /var/lib/impact-in-archive}
          {{- end }}
      pod_template_spec_metadata:
        annotations:
          # A drain that is moved ends in an orderly way, but what it would have sent waits for the next tick.
          cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
      pod_spec_config:
        # A run asks the database only.
        automount_service_account_token: false
        enable_service_links: false
        termination_grace_period_seconds: 90
        security_context:
          run_as_non_root: true
          run_as_user: 10001
          run_as_group: 10001
          fs_group: 10001
          seccomp_profile: {type: RuntimeDefault}
        volumes:
          - name: state
            empty_dir: {size_limit: 1Gi}
          - name: tmp
            empty_dir: {size_limit: 512Mi}
          - name: instance
            config_map: {name: {{ include "impact-in.name" . }}-instance}
          {{- if .Values.archive.claim }}
          - name: archive
            persistent_volume_claim: {claim_name: {{ .Values.archive.claim }}}
          {{- end }}
        {{- with .Values.drains.nodeSelector }}
        node_selector:
          {{- toYaml . | nindent 10 }}
        {{- end }}
        {{- with .Values.drains.tolerations }}
        tolerations:
          {{- toYaml . | nindent 10 }}
        {{- end }}
      job_spec_config:
        ttl_seconds_after_finished: {{ int64 .Values.drains.keepSeconds }}
        # Nothing starts a run's pod a second time: the next tick finds what is due.
        backoff_limit: 0

run_coordinator:
  module: impact_in_pipelines.dagster_instance.queueing
  class: SharingCoordinator
  config:
    dequeue_interval_seconds: 1
    dequeue_use_threads: true
    dequeue_num_workers: 4
    max_user_code_failure_retries: 5
    user_code_failure_retry_delay: 10
    slots: {{ toJson .Values.slots }}

run_monitoring:
  enabled: true
  start_timeout_seconds: 180
  cancel_timeout_seconds: 180
  max_runtime_seconds: 7200
  poll_interval_seconds: 30
  free_slots_after_run_end_seconds: 60

retention:
  schedule:
    purge_after_days: {skipped: 2, failure: 30, success: 30}
  sensor:
    purge_after_days: {skipped: 2, failure: 30, success: 30}

schedules: {use_threads: true, num_workers: 4}
sensors: {use_threads: true, num_workers: 4}
telemetry: {enabled: false}
nux: {enabled: false}
{{- end }}
