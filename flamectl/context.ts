import type { Command } from 'commander'
import { type Connection, connect, userOf } from './connection/connection.ts'
import type { GlobalOptions } from './connection/global-options.ts'
import { indentedLines } from './print/printable.ts'
import { type Printer, printer } from './print/printer.ts'

/** What commands work with. */
export interface CommandContext {
  connect(): Promise<Connection>
  /** For whom commands act. */
  user(): Promise<string>
  readonly print: Printer
  /** Tells people what isn't part of the result. */
  warn(text: string): void
}

/** Reads the program's options when a command needs them: by then they are parsed. */
export function commandContext(program: Command): CommandContext {
  const options = () => program.opts<GlobalOptions>()
  return {
    connect: () => connect(options(), process.env),
    user: () => userOf(options()),
    print: printer(
      () => options().output,
      (text) => console.log(text),
    ),
    warn: (text) => console.error(indentedLines(text)),
  }
}
