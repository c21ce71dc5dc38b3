import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A way to a port of this machine that can be cut, as a network can. */
export interface Link extends AsyncDisposable {
  port: number
  /** Nothing passes any more and nobody is told: packets are lost. */
  cut(): void
  /** New connections pass again; those that were cut are reset, as a network would in the end. */
  mend(): void
}

export async function startLink(to: number): Promise<Link> {
  let passes = true
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  const server = createServer((near) => {
    keep(near)
    if (!passes) return
    const far = keep(connect(to, '127.0.0.1'))
    near.pipe(far).pipe(near)
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const reset = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      passes = false
      for (const socket of sockets) socket.unpipe().pause()
    },
    mend() {
      passes = true
      reset()
    },
    async [Symbol.asyncDispose]() {
      reset()
      server.close()
      await once(server, 'close')
    },
  }
}
