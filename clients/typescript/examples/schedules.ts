// When a company's figures are sent: a schedule tried before it is made, changed, paused, removed.

import { held, type ImpactInClient } from "impact-in-client";

export async function run(client: ImpactInClient, companyId: string) {
  const made = held(
    await client.POST("/v1/impact-in/schedules", {
      body: {
        schedule: "30 8 * * 1-5",
        companyId,
        platform: "goodera",
        timezone: "Europe/Oslo",
        catchUp: "coalesce",
        catchUpLimitDays: 31,
        spreadMinutes: 0,
        active: true,
      },
    }),
  );
  const params = { path: { scheduleId: made.id } };
  const preview = held(
    await client.GET("/v1/impact-in/schedules/{scheduleId}/preview", {
      params: { ...params, query: { count: 3 } },
    }),
  );
  const changed = held(
    await client.PATCH("/v1/impact-in/schedules/{scheduleId}", {
      params,
      body: { schedule: "weekly" },
    }),
  );
  const paused = held(
    await client.POST("/v1/impact-in/schedules/{scheduleId}/pause", {
      params,
      body: { reason: "A move" },
    }),
  );
  await client.DELETE("/v1/impact-in/schedules/{scheduleId}", { params });
  return { fires: preview.fires.length, schedule: changed.schedule, active: paused.active };
}
