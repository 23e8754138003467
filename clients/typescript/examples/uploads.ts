// A file of events: checked first, its rejected rows read, then imported.

import { held, type ImpactInClient } from "impact-in-client";

const HEADER =
  "event_id,company,occurred_at,activity,participant_ref,volunteer_ref,hours,outcome_category,outcome_score";

export async function run(client: ImpactInClient, companyId: string) {
  const companies = held(await client.GET("/v1/impact-in/companies"));
  const slug = companies.data.find((one) => one.id === companyId)?.slug;
  const rows = [
    `client-1,${slug},2026-03-09T10:00:00Z,session,p1,v1,1.5,,`,
    `client-2,${slug},2026-03-09T10:00,session,p2,,2,,`,
  ];
  const checked = held(
    await client.POST("/v1/impact-in/companies/{companyId}/uploads", {
      params: { path: { companyId }, query: { fileName: "march.csv" } },
      body: [HEADER, ...rows, ""].join("\r\n"),
      bodySerializer: (body: string) => body,
      headers: { "Content-Type": "text/csv" },
    }),
  );
  const done = held(
    await client.POST("/v1/impact-in/companies/{companyId}/uploads/{uploadId}/import", {
      params: { path: { companyId, uploadId: checked.id } },
    }),
  );
  return {
    state: done.state,
    imported: done.imported,
    rejected: checked.firstRejects.map((row) => row.line),
  };
}
