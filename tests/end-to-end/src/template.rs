//! What the template says, read from `infra/template.yaml` itself: the routes of the HTTP API.

use std::collections::BTreeMap;

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Method and path, such as `GET /runs/{id}`; `$default` for what matches no other.
    pub key: String,
    /// Whether API Gateway asks the authorizer first.
    pub is_authorized: bool,
}

/// Every route, in the order of the template.
pub fn routes() -> Vec<Route> {
    let template = local_table::template();
    let resources = template["Resources"]
        .as_mapping()
        .expect("it has resources");
    resources
        .values()
        .filter(|resource| resource["Type"] == "AWS::ApiGatewayV2::Route")
        .map(|resource| {
            let properties = &resource["Properties"];
            Route {
                key: properties["RouteKey"]
                    .as_str()
                    .expect("a route has a key")
                    .to_owned(),
                is_authorized: properties["AuthorizationType"] == "CUSTOM",
            }
        })
        .collect()
}

/// A route's path as the API's description has it: OpenAPI has no parameter with slashes in it.
pub fn described_path(path: &str) -> String {
    path.replace("{proxy+}", "{author}/{slug}")
}

/// The route that API Gateway would match, and the parameters that it would read from the path.
pub(crate) fn matched(method: &str, path: &str) -> (String, BTreeMap<String, String>) {
    let found = routes()
        .into_iter()
        .filter_map(|route| {
            let (its_method, its_path) = route.key.split_once(' ')?;
            let parameters = parameters(its_path, path).filter(|_| its_method == method)?;
            Some((route.key, parameters))
        })
        // A route whose parts are spelled out goes before one that takes anything in their place.
        .min_by_key(|(_, parameters)| parameters.len());
    found.unwrap_or_else(|| ("$default".to_owned(), BTreeMap::new()))
}

fn parameters(route: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut left = path.trim_start_matches('/');
    let mut parts = route.trim_start_matches('/').split('/').peekable();
    while let Some(part) = parts.next() {
        let name = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'));
        if let Some(greedy) = name.and_then(|name| name.strip_suffix('+')) {
            parameters.insert(greedy.to_owned(), left.to_owned());
            return (!left.is_empty()).then_some(parameters);
        }
        let (given, rest) = match parts.peek() {
            Some(_) => left.split_once('/')?,
            None => (left, ""),
        };
        match name {
            Some(_) if given.is_empty() || given.contains('/') => return None,
            Some(name) => drop(parameters.insert(name.to_owned(), given.to_owned())),
            None if part == given => {}
            None => return None,
        }
        left = rest;
    }
    Some(parameters)
}
