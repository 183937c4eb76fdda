import { spawn } from 'node:child_process'
import test from 'ava'
import { endOf } from './child-end.ts'

function started(script: string, program = process.execPath) {
  return spawn(program, ['-e', script], { stdio: ['ignore', 'pipe', 'pipe'] })
}

test('the end of a process is told with its status and the last lines that it wrote', async (t) => {
  const script = 'for (let i = 1; i <= 7; i++) (i % 2 ? console.log : console.error)(i); process.exitCode = 3'
  t.regex(await endOf(started(script)), /^with status 3, having written: (\d\n){4}\d$/)
  t.is(await endOf(started('')), 'with status 0')
})

test('the end of a process by a signal is told with the signal', async (t) => {
  t.is(await endOf(started("process.kill(process.pid, 'SIGKILL')")), 'by SIGKILL')
})

test('a process that could not be started has ended, with the reason', async (t) => {
  t.regex(await endOf(started('', '/no/such/program')), /ENOENT/)
})
