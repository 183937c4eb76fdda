import type { Socket } from 'node:net'

/**
 * Resets a connection: its other end hears an error in place of the end. A socket whose sending side has ended is
 * destroyed: Node can't reset it, and would keep it open, without an owner, so that the process never comes to its end.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
