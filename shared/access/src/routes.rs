//! The scope that each route needs. Nothing else says so: functions check by this table, and the API's description
//! shows what is in it.

use crate::scope::Scope::{self, Admin, Read, Run};

/// Every route behind the token but `$default`, with the scope that it needs.
const ROUTES: &[(&str, Scope)] = &[
    ("POST /credentials", Admin),
    ("GET /credentials", Read),
    ("GET /credentials/{id}", Read),
    ("PUT /credentials/{id}", Admin),
    ("DELETE /credentials/{id}", Admin),
    ("POST /credentials/{id}/check", Admin),
    ("POST /credentials/{id}/restore", Admin),
    ("POST /credentials/{id}/rotate", Admin),
    ("GET /credentials/{id}/audit", Admin),
    ("GET /models", Read),
    ("GET /models/{proxy+}", Read),
    ("POST /models/refresh", Admin),
    ("GET /workflows", Read),
    ("PUT /workflows/{id}", Admin),
    ("POST /workflows/import", Admin),
    ("GET /workflows/{id}", Read),
    ("GET /workflows/{id}/plan", Read),
    ("POST /workflows/preview", Read),
    ("DELETE /workflows/{id}", Admin),
    ("GET /workflows/{id}/schedules", Read),
    ("PUT /workflows/{id}/schedules/{name}", Admin),
    ("PATCH /workflows/{id}/schedules/{name}", Admin),
    ("GET /workflows/{id}/schedules/{name}", Read),
    ("DELETE /workflows/{id}/schedules/{name}", Admin),
    ("GET /workflows/{id}/switch", Read),
    ("PUT /workflows/{id}/switch", Admin),
    ("GET /switch", Read),
    ("PUT /switch", Admin),
    ("GET /vars", Read),
    ("GET /vars/{name}", Read),
    ("PUT /vars/{name}", Admin),
    ("DELETE /vars/{name}", Admin),
    ("DELETE /runs/{id}", Admin),
    ("GET /workflows/{id}/sources", Read),
    ("PUT /workflows/{id}/sources/{arn}", Admin),
    ("DELETE /workflows/{id}/sources/{arn}", Admin),
    ("GET /workflows/{id}/webhooks", Read),
    ("PUT /workflows/{id}/webhooks/{webhook}", Admin),
    ("GET /workflows/{id}/webhooks/{webhook}", Read),
    ("POST /workflows/{id}/webhooks/{webhook}/rotate", Admin),
    ("DELETE /workflows/{id}/webhooks/{webhook}", Admin),
    ("GET /workflows/{id}/callback-secret", Read),
    ("POST /workflows/{id}/callback-secret/rotate", Admin),
    ("DELETE /workflows/{id}/callback-secret", Admin),
    ("GET /runs/{id}/deliveries", Read),
    ("POST /runs/{id}/deliveries/{delivery}/resend", Run),
    ("POST /workflows/{id}/runs", Run),
    ("POST /hooks/{id}", Run),
    ("POST /runs/{id}/resume", Run),
    ("POST /runs/{id}/rerun", Run),
    ("POST /runs/{id}/cancel", Run),
    ("POST /runs/{id}/signals/{name}", Run),
    ("GET /approvals", Read),
    ("POST /runs/{id}/nodes/{node}/approve", Run),
    ("POST /runs/{id}/nodes/{node}/reject", Run),
    ("POST /runs/{id}/nodes/{node}/approval-link", Run),
    ("GET /runs", Read),
    ("GET /runs/{id}", Read),
    ("GET /runs/{id}/files/{file}", Read),
    ("GET /runs/{id}/nodes/{node}", Read),
    ("PUT /runs/{id}/nodes/{node}/output", Admin),
    ("GET /runs/{id}/nodes/{node}/items", Read),
    ("GET /runs/{id}/nodes/{node}/items/{index}", Read),
    ("GET /runs/{id}/events", Read),
    ("POST /runs/{id}/events-token", Read),
    ("GET /costs", Read),
    ("POST /tokens", Admin),
    ("GET /tokens", Admin),
    ("GET /tokens/{id}", Admin),
    ("DELETE /tokens/{id}", Admin),
    ("GET /audit", Admin),
];

/// The scope that a request by this route needs, as the template spells the route. `None` where any token will do: at
/// `$default`, which answers that there is no such route. A route that is not in the table needs `admin`.
pub fn scope_of(route: &str) -> Option<Scope> {
    if route == "$default" {
        return None;
    }
    let found = ROUTES.iter().find(|(known, _)| *known == route);
    Some(found.map_or(Admin, |(_, scope)| *scope))
}

/// The routes in the table.
pub fn scoped_routes() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().map(|(route, _)| *route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_changes_something_needs_more_than_reading_and_what_is_unknown_needs_everything() {
        for &(route, scope) in ROUTES {
            assert_eq!(scope_of(route), Some(scope));
            // The token lets its holder read what the sender may read.
            let only_reads = route.starts_with("GET ")
                || ["POST /runs/{id}/events-token", "POST /workflows/preview"].contains(&route);
            assert!(only_reads || scope != Read, "{route}");
        }
        for unknown in ["GET /nothing", "", "GET /runs/", "get /runs"] {
            assert_eq!(scope_of(unknown), Some(Admin), "{unknown}");
        }
        assert_eq!(scope_of("$default"), None);
    }

    #[test]
    fn each_route_stands_once() {
        let mut routes: Vec<&str> = scoped_routes().collect();
        routes.sort_unstable();
        routes.dedup();
        assert_eq!(routes.len(), ROUTES.len());
    }
}
