import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'ava'

const module = new URL('reset-socket.js', import.meta.url)

for (const [what, before] of [
  ['an open socket', 'reset()'],
  ['a socket that has ended', 'socket.end("end", reset)'],
] as const)
  test(`a process that resets ${what} comes to its end, and the other end is closed`, async (t) => {
    const program = `
      import { connect, createServer } from 'node:net'
      import { resetSocket } from ${JSON.stringify(module.href)}
      const server = createServer((socket) => {
        const reset = () => resetSocket(socket.on('error', () => {}))
        ${before}
      }).listen(0, '127.0.0.1', () => {
        const other = connect(server.address().port, '127.0.0.1').on('error', () => {}).resume()
        other.once('close', () => server.close())
      })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
    t.teardown(() => child.kill('SIGKILL'))
    const [status] = await once(child, 'exit')
    t.is(status, 0)
  })
