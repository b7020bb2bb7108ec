//! Connections as the server takes them: many small answers leave in one write.
//!
//! Told that a connection writes vectors, `h2` sends every piece of data over 256 bytes in a system call of its own,
//! which made up a quarter of the server's work for a unary call. Told that it does not, `h2` copies pieces of up to 1 KiB,
//! as most answers are, behind one another and writes them together.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::{Stream, StreamExt};
use tonic::transport::server::{Connected, TcpConnectInfo, TcpIncoming};

/// The connections that a listener accepts, each without delay for small writes. Keep-alive of TCP itself finds those
/// that went away before they said a word of HTTP.
pub(crate) fn accepted(listener: TcpListener, keep_alive: Duration) -> impl Stream<Item = io::Result<Connection>> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true)).with_keepalive(Some(keep_alive));
    incoming.map(|accepted| accepted.map(Connection))
}

/// One accepted connection. It does not claim vectored writes; everything else is the stream's.
pub(crate) struct Connection(TcpStream);

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.0.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
