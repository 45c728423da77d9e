//! What lies between the consumer and the server, to be cut.

use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Connections to its near end are connections to the server, unless it is cut.
pub struct Cable {
    server: String,
    near: SocketAddr,
    task: Option<JoinHandle<io::Result<()>>>,
}

impl Cable {
    /// To this server, whole.
    pub async fn to(server: &str) -> io::Result<Cable> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let near = listener.local_addr()?;
        let task = Some(tokio::spawn(carry(listener, server.to_owned())));
        Ok(Cable { server: server.to_owned(), near, task })
    }

    /// Where to connect.
    pub fn near(&self) -> SocketAddr {
        self.near
    }

    /// Every connection ends, and there will be no other.
    pub fn cut(&mut self) {
        self.task.take().inspect(JoinHandle::abort);
    }

    /// New connections are possible again.
    pub async fn mend(&mut self) -> io::Result<()> {
        let listener = TcpListener::bind(self.near).await?;
        self.task = Some(tokio::spawn(carry(listener, self.server.clone())));
        Ok(())
    }
}

/// Ends with all that it carries.
async fn carry(listener: TcpListener, server: String) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let (mut near, _) = listener.accept().await?;
        let server = server.clone();
        connections.spawn(async move {
            let mut far = TcpStream::connect(server).await?;
            tokio::io::copy_bidirectional(&mut near, &mut far).await
        });
    }
}
