//! A connection to Postgres, counted while it is open.

use std::ops::{Deref, DerefMut};

use sqlx::{Connection as _, PgConnection};

use crate::metrics::OpenPostgresConnection;

/// A connection that counts as open until it is dropped, which closes it.
pub struct Connection {
    connection: PgConnection,
    _counted: OpenPostgresConnection,
}

impl Connection {
    pub(super) fn new(connection: PgConnection, counted: OpenPostgresConnection) -> Self {
        Self { connection, _counted: counted }
    }

    /// Closes the connection in order: Postgres logs clients that disappear.
    pub(super) async fn close(self) {
        // A connection that is lost already needs no closing.
        let _ = self.connection.close().await;
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
