import time, sys
sys.path.insert(0,'/work/main/tests')
from .test_events import *
def test_m(world):
    cells=[cell(s, day(n)) for s in ("north","south") for n in range(300)]*5
    from impact_in_pipelines.assets import events
    md={"delivery_id":"x"*36,"transaction_id":"y"*20,"payload_hash":"z"*64,"payload_bytes":500,"attempts":1,"latency_ms":1.5,"period":"2026","trigger":"schedule"}
    def body(context):
        t=time.time(); c=time.process_time()
        write_materializations(context,[AssetMaterialization(KEY,partition=x,metadata=md) for x in cells])
        sys.__stderr__.write(f"\nbatch via log: wall {1000*(time.time()-t)/len(cells):.3f} ms cpu {1000*(time.process_time()-c)/len(cells):.3f} ms\n")
        t=time.time(); c=time.process_time()
        from dagster._core.events import StepMaterializationData, DagsterEventType as T
        step=context.get_step_execution_context(); import os as o
        for x,b in events._batched(cells):
            m=AssetMaterialization(KEY,partition=x,metadata=md)
            e=DagsterEvent(event_type_value=T.ASSET_MATERIALIZATION.value,job_name=step.job_name,step_handle=step.step.handle,node_handle=step.step.node_handle,step_kind_value=step.step.kind.value,logging_tags=step.event_tags,event_specific_data=StepMaterializationData(m),message="Materialized value.",pid=o.getpid())
            context.instance.report_dagster_event(e,run_id=context.run.run_id,batch_metadata=b)
        sys.__stderr__.write(f"\nreport: wall {1000*(time.time()-t)/len(cells):.3f} ms cpu {1000*(time.process_time()-c)/len(cells):.3f} ms\n")
    from dagster import DagsterEvent
    @asset(name=KEY.path[0], partitions_def=company_days, output_required=False)
    def written(context: AssetExecutionContext):
        body(context)
        yield from ()
    job = Definitions(assets=[written], jobs=[define_asset_job("write", selection=[written])]).resolve_job_def("write")
    for rc in (QUIET, {}):
        assert succeeded(job.execute_in_process(instance=world.instance, run_config=rc, raise_on_error=False))
