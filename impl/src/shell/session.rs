//! What a command works with: the client, and where its words and watches go.

use super::events::Listener;
use super::refusal::{Refusal, check_path};
use super::screen::Screen;
use crate::client::{Acl, Client, CreateMode, Error, Stat, WatcherType};
use bytes::Bytes;
use zab::tree::Code;

/// A session with an ensemble, and its surroundings.
#[derive(Clone, Debug)]
pub struct Session {
    /// The session itself.
    pub client: Client,
    /// Where results go.
    pub screen: Screen,
    /// Where watches go.
    pub listener: Listener,
}

impl Session {
    /// Creates a znode; gives its path.
    ///
    /// # Errors
    /// As the client.
    pub async fn create(
        &self,
        path: &str,
        data: Option<Bytes>,
        mode: CreateMode,
        acl: &[Acl],
    ) -> Result<String, Error> {
        self.client.create_or_null(path, data.as_deref(), mode, acl).await.map(|(path, _)| path)
    }

    /// Data, if there are any, and Stat.
    ///
    /// # Errors
    /// A wrong path, or what the server refuses.
    pub async fn data(&self, path: &str, watches: bool) -> Result<(Option<Bytes>, Stat), Refusal> {
        check_path(path)?;
        self.data_or_error(path, watches).await.about(path)
    }

    /// As [`Session::data`].
    ///
    /// # Errors
    /// As the client.
    pub async fn data_or_error(&self, path: &str, watches: bool) -> Result<(Option<Bytes>, Stat), Error> {
        if !watches {
            return self.client.get_data_or_null(path).await;
        }
        let ((data, stat), watch) = self.client.get_data_and_watch(path).await?;
        self.listener.once(path, WatcherType::Data, watch);
        Ok((Some(data), stat))
    }

    /// The Stat of a znode, if there is one. The watch fires when it comes, too.
    ///
    /// # Errors
    /// A wrong path, or what the server refuses.
    pub async fn exists(&self, path: &str, watches: bool) -> Result<Option<Stat>, Refusal> {
        check_path(path)?;
        if !watches {
            return self.client.exists(path).await.about(path);
        }
        let (stat, watch) = self.client.exists_and_watch(path).await.about(path)?;
        self.listener.once(path, WatcherType::Data, watch);
        Ok(stat)
    }

    /// The names of the children, in no order, and the Stat.
    ///
    /// # Errors
    /// A wrong path, or what the server refuses.
    pub async fn children(&self, path: &str, watches: bool) -> Result<(Vec<String>, Stat), Refusal> {
        check_path(path)?;
        self.children_or_error(path, watches).await.about(path)
    }

    /// As [`Session::children`].
    ///
    /// # Errors
    /// As the client.
    pub async fn children_or_error(&self, path: &str, watches: bool) -> Result<(Vec<String>, Stat), Error> {
        if !watches {
            return self.client.get_children_with_stat(path).await;
        }
        let (read, watch) = self.client.get_children_with_stat_and_watch(path).await?;
        self.listener.once(path, WatcherType::Children, watch);
        Ok(read)
    }

    /// Deletes all of these znodes, or none.
    ///
    /// # Errors
    /// As the client.
    pub async fn delete_together(&self, paths: &[String]) -> Result<(), Error> {
        let multi = paths.iter().fold(self.client.multi(), |multi, path| multi.delete(path, None));
        multi.commit().await.map(drop)
    }
}

/// Says what the client's errors mean.
pub trait About<T> {
    /// The sentence about this path.
    ///
    /// # Errors
    /// Those of the client, in Java's words.
    fn about(self, path: &str) -> Result<T, Refusal>;

    /// The sentence of an operation that has no path.
    ///
    /// # Errors
    /// Those of the client, in Java's words.
    fn without_path(self) -> Result<T, Refusal>;
}

impl<T> About<T> for Result<T, Error> {
    fn about(self, path: &str) -> Result<T, Refusal> {
        self.map_err(|error| refusal(&error, Some(path)))
    }

    fn without_path(self) -> Result<T, Refusal> {
        self.map_err(|error| refusal(&error, None))
    }
}

fn refusal(error: &Error, path: Option<&str>) -> Refusal {
    match error.code() {
        // Java has no words for what the code means here: that a reply was not understood.
        Some(Code::MarshallingError) | None => Refusal::new(error.to_string()),
        Some(code) => Refusal::of_code(code, path),
    }
}
