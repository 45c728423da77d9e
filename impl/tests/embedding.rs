//! A server in a program of somebody else's, as the README shows it.

use zabkeeper::client::{Acl, Client, CreateMode};
use zabkeeper::{Server, ServerOptions};

async fn begins_serves_and_ends() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(ServerOptions::new(directory.path()))?;
    let client = Client::connect(&server.address().to_string()).await?;
    client.create("/a", b"data", CreateMode::Persistent, &Acl::open()).await?;
    assert_eq!(client.get_data("/a").await?.0, "data");
    server.stop()?;
    let dropped = Server::start(ServerOptions::new(directory.path()))?;
    drop(dropped);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn within_a_runtime_of_many_threads() {
    begins_serves_and_ends().await.expect("no error");
}

#[tokio::test]
async fn within_a_runtime_of_one_thread() {
    begins_serves_and_ends().await.expect("no error");
}
