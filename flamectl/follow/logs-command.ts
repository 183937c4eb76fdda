import { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import { exitStatus } from '../errors.ts'
import { eventLine } from './event-line.ts'
import { followedEvents } from './followed-events.ts'

/** `flamectl logs`: what happened in a job. */
export function logsCommand({ connect, print, warn }: CommandContext): Command {
  return new Command('logs')
    .argument('<jobId>')
    .description('show what happened in a job: its states, tasks, rounds, and what its roles say')
    .option('-f, --follow', 'go on until the job has ended; exit status 1 if it has failed')
    .action(async (jobId: string, { follow = false }: { follow?: boolean }) => {
      let hasFailed = false
      for await (const event of followedEvents(await connect(), jobId, { follow, tell: warn })) {
        print.event(eventLine(event), event)
        if (event.event.type === 'state') hasFailed = event.event.state === 'failed'
      }
      if (follow && hasFailed) process.exitCode = exitStatus.failed
    })
}
