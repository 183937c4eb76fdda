import { randomStream } from '../random/random-stream.ts'
import { expand, type Task } from './expand.ts'
import { defaultGraph, type Edge, graphNamed, neighboursIn } from './gossip-graph.ts'
import { channelsByRole, funcTagsOf, gathersParties, groupsOf, otherRole, type SchemaChannel } from './schema.ts'
import type { Topology } from './topology.ts'

/** Most ends of a role in a picture, or of a group in a text. More are only counted. */
const mostShown = 6

/** The ends of a group on a channel, by the roles of the pair. */
interface Joined {
  readonly channel: SchemaChannel
  readonly group: string
  readonly first: readonly string[]
  readonly second: readonly string[]
}

/** A topology's expansion as text: numbers of tasks by role, and for each channel which ends see each other. */
export function topologyText(topology: Topology): string {
  const tasks = tasksOf(topology)
  const { schema } = topology
  const width = Math.max(...schema.roles.map(({ name }) => name.length))
  const lines = [`${schema.name}: ${counted(tasks.length)}`, '']
  for (const { name, isDataConsumer } of schema.roles) {
    const count = tasks.filter(({ role }) => role === name).length
    lines.push(`${name.padEnd(width)}  ${counted(count)}${isDataConsumer ? ', one for each dataset' : ''}`)
  }
  for (const channel of schema.channels) {
    const sides = [...new Set(channel.pair)].map((role) => `${role} (${funcTagsOf(channel, role).join(', ')})`)
    lines.push('', `${channel.name}: ${sides.join(' – ')}`)
    for (const { group, first, second } of joinedBy(channel, tasks)) {
      const graph = graphOf(channel)
      const joined = graph === undefined ? 'a ring of' : `graph ${graph}:`
      const ends = isRing(channel) ? `${joined} ${listed(first)}` : `${listed(first)} – ${listed(second)}`
      lines.push(`  ${group}: ${ends}`)
    }
  }
  return `${lines.join('\n')}\n`
}

const [boxWidth, boxHeight, gap, rowHeight, margin, lineHeight] = [132, 30, 14, 104, 24, 20]
const colours = ['#2a6f97', '#c1121f', '#588157', '#7b2cbf', '#bc6c25', '#495057', '#00798c', '#8a5a44']

/** A topology's expansion as a picture in SVG: ends in rows, data consumers below, joined by a colour for each channel. */
export function topologySvg(topology: Topology): string {
  const tasks = tasksOf(topology)
  const rows = rowsOf(topology, tasks)
  const width = 2 * margin + Math.max(...rows.map(({ length }) => length)) * (boxWidth + gap) - gap
  const places = new Map<string, { readonly x: number; readonly y: number }>()
  for (const [row, names] of rows.entries()) {
    const start = (width - names.length * (boxWidth + gap) + gap) / 2
    for (const [index, name] of names.entries())
      places.set(name, { x: start + index * (boxWidth + gap), y: margin + row * rowHeight })
  }
  const { channels } = topology.schema
  const lines = channels.flatMap((channel, index) => {
    const colour = colours[index % colours.length] ?? ''
    return joinedBy(channel, tasks).flatMap((joined) => linesOf(joined, places, colour))
  })
  const boxes = [...places].map(
    ([name, { x, y }]) =>
      `<rect x="${x}" y="${y}" width="${boxWidth}" height="${boxHeight}" rx="6" fill="#fff" stroke="#343a40"/>` +
      `<text x="${x + boxWidth / 2}" y="${y + 20}" text-anchor="middle">${escaped(name)}</text>`,
  )
  const below = margin + (rows.length - 1) * rowHeight + boxHeight + 70
  const legend = channels.map(({ name }, index) => {
    const y = below + index * lineHeight
    const colour = colours[index % colours.length] ?? ''
    return (
      `<line x1="${margin}" y1="${y - 4}" x2="${margin + 24}" y2="${y - 4}" stroke="${colour}" stroke-width="2"/>` +
      `<text x="${margin + 32}" y="${y}">${escaped(name)}</text>`
    )
  })
  const height = below + channels.length * lineHeight
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(topology.schema.name)}</title>`,
    `<rect width="${width}" height="${height}" fill="#f8f9fa"/>`,
    ...lines,
    ...boxes,
    ...legend,
    '</svg>',
  ].join('\n')}\n`
}

function tasksOf(topology: Topology): readonly Task[] {
  return expand(topology, { jobId: 'picture', newKey: () => '' })
}

function joinedBy(channel: SchemaChannel, tasks: readonly Task[]): Joined[] {
  const [first = '', second = first] = channel.pair
  const endsOf = (role: string, group: string) =>
    tasks.filter((task) => task.role === role && task.groupAssociation[channel.name] === group).map(({ end }) => end)
  return groupsOf(channel).map((group) => ({
    channel,
    group,
    first: endsOf(first, group),
    second: endsOf(second, group),
  }))
}

/** The graph of a channel whose ends gossip. */
function graphOf(channel: SchemaChannel): string | undefined {
  const {
    pair: [role = ''],
    graph = defaultGraph,
  } = channel
  return funcTagsOf(channel, role).includes('gossip') ? graph : undefined
}

/** The edges of such a channel's graph between its first ends; where a job would draw the graph, with the seed 1. */
function graphEdges(channel: SchemaChannel, ends: readonly string[]): Edge[] | undefined {
  const graph = graphNamed(graphOf(channel) ?? '')
  if (!graph) return undefined
  const sorted = ends.toSorted()
  const neighbours = neighboursIn(graph, ends.length, randomStream(1, 0, '', 'graph'))
  return ends.flatMap((end, index) =>
    neighbours
      .of(sorted.indexOf(end))
      .map((other): Edge => [index, ends.indexOf(sorted[other] ?? '')])
      .filter(([one, other]) => one < other),
  )
}

function isRing({ pair: [first, second] }: SchemaChannel): boolean {
  return first === second
}

/**
 * Ends by rows: data consumers last, below those that gather their values; coordinators first. Of many ends of a role, the
 * first ones, and the last.
 */
function rowsOf({ schema }: Topology, tasks: readonly Task[]): string[][] {
  const joined = channelsByRole(schema)
  const lowest = schema.roles.filter(
    ({ name, isDataConsumer }) => isDataConsumer && !gathersParties(joined(name), name),
  )
  const levels = new Map(lowest.map(({ name }) => [name, 0]))
  for (const [role, level] of levels)
    for (const channel of joined(role)) {
      const other = otherRole(channel, role)
      const isControl = Object.values(channel.funcTags ?? {}).some((tags) => tags.includes('coordinate'))
      if (!levels.has(other) && !isControl) levels.set(other, level + 1)
    }
  const top = Math.max(0, ...levels.values()) + 1
  const rows: string[][] = []
  for (let level = top; level >= 0; level--) {
    const roles = schema.roles.filter(({ name }) => (levels.get(name) ?? top) === level)
    const names = roles.flatMap(({ name }) => shown(tasks.filter(({ role }) => role === name).map(({ end }) => end)))
    if (names.length > 0) rows.push(names)
  }
  return rows
}

function shown(ends: readonly string[]): readonly string[] {
  const last = ends.at(-1)
  return ends.length <= mostShown || last === undefined ? ends : [...ends.slice(0, mostShown - 1), last]
}

function linesOf(
  { channel, first, second }: Joined,
  places: ReadonlyMap<string, { readonly x: number; readonly y: number }>,
  colour: string,
): string[] {
  const placed = (ends: readonly string[]) => ends.flatMap((end) => places.get(end) ?? [])
  const stroke = `fill="none" stroke="${colour}" stroke-width="1.5"`
  const [ones, others] = [placed(first), placed(second)]
  if (isRing(channel)) {
    const edges = graphEdges(channel, first)
    const neighbours = edges
      ? edges.flatMap(([one, other]) => {
          const [from, to] = [places.get(first[one] ?? ''), places.get(first[other] ?? '')]
          return from && to ? [{ from, to, depth: 20 + 6 * (other - one) }] : []
        })
      : ones.map((from, index) => ({
          from,
          to: ones[(index + 1) % ones.length] ?? from,
          depth: index + 1 < ones.length ? 26 : 50,
        }))
    return neighbours.map(({ from, to, depth }) => {
      const [left, right, bottom] = [from.x + boxWidth / 2, to.x + boxWidth / 2, from.y + boxHeight]
      return `<path d="M${left} ${bottom} C${left} ${bottom + depth} ${right} ${bottom + depth} ${right} ${bottom}" ${stroke}/>`
    })
  }
  return ones.flatMap((one) =>
    others.map((other) => {
      const [upper, lower] = one.y < other.y ? [one, other] : [other, one]
      return `<path d="M${upper.x + boxWidth / 2} ${upper.y + boxHeight} L${lower.x + boxWidth / 2} ${lower.y}" ${stroke}/>`
    }),
  )
}

function listed(ends: readonly string[]): string {
  const more = ends.length - mostShown
  return more > 0 ? `${ends.slice(0, mostShown).join(', ')} and ${more} more` : ends.join(', ')
}

function counted(tasks: number): string {
  return `${tasks} task${tasks === 1 ? '' : 's'}`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
