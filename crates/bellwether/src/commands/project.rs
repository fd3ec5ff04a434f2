//! `bellwether project create NAME`, `project list`

use axum::http::Method;
use serde_json::{Value, json};

use crate::cli::{Common, ProjectCommand};
use crate::client::parse;
use crate::failure::Failure;

const PATH: &str = "/api/v1/errors/projects";

pub fn run(common: &Common, command: &ProjectCommand) -> Result<(), Failure> {
    let server = super::server(common)?;
    match command {
        ProjectCommand::Create { name, id, public_key } => {
            let body = json!({"name": name, "id": id, "public_key": public_key});
            let answer = super::block_on(server.send_json(Method::POST, PATH, &body))?;
            let project: Value = parse(&answer)?;
            match common.json {
                true => super::say(project),
                false => super::say(project["dsn"].as_str().unwrap_or_default()),
            }
        }
        ProjectCommand::List => {
            let answer: Value = super::block_on(server.get_json(PATH))?;
            if common.json {
                return super::say(answer);
            }
            let mut rows = vec![["id", "name", "dsn"].map(str::to_owned).to_vec()];
            for project in answer.as_array().into_iter().flatten() {
                let text = |key: &str| project[key].as_str().unwrap_or_default().to_owned();
                rows.push(vec![project["id"].to_string(), text("name"), text("dsn")]);
            }
            super::print(super::table(&rows))
        }
    }
}
