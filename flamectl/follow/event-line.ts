import type { EventCause, NumberedEvent } from '../../actors/index.ts'
import { roundLine, said } from '../output/phrases.ts'
import { indentedLines } from '../print/printable.ts'

/** What happened, in a line for people; what doesn't fit in one is indented below it. */
export function eventLine({ at, event }: NumberedEvent): string {
  return indentedLines(`${at} ${happened(event)}`)
}

function happened(event: NumberedEvent['event']): string {
  switch (event.type) {
    case 'state':
      return event.cause ? `${event.state}: ${explained(event.cause)}` : event.state
    case 'task':
      return `${event.end}: ${event.state}`
    case 'round':
      return `${roundLine(event)}  ${event.hash.slice(0, 16)}…`
    case 'metrics':
      return said(event.end, { message: 'metrics of a round:', fields: event.metrics })
    case 'log':
      return said(event.end, { message: event.message, fields: event.fields ?? {} })
    case 'notice':
      return `${event.end}: ${explained(event)}`
  }
}

function explained({ code, message, hint }: EventCause): string {
  return `${code} ${message}${hint === undefined ? '' : `\n${hint}`}`
}
