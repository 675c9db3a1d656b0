//! What docs/sql.md says can be run.

use crate::schema::migrated;

#[tokio::test]
async fn every_query_of_the_documentation_runs() {
    let page = include_str!("../../docs/sql.md");
    let queries: Vec<&str> =
        page.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(queries.len() >= 6, "{}", queries.len());
    let database = migrated().await;
    for query in queries {
        database.query(query.trim().trim_end_matches(';')).await;
    }
}
