import type { RandomStream } from '../random/random-stream.ts'

/** A graph of the ends of a channel, over which their models spread. */
export interface GossipGraph {
  readonly kind: 'full' | 'ring' | 'torus' | 'regular'
  /** Of a regular graph: the number of neighbours of each end. */
  readonly degree: number
  /** Drawn anew in each round. */
  readonly isDrawnEachRound: boolean
}

/** Names of graphs, for messages. */
export const graphNames = 'full, ring, torus, regular:d, regular:d:each-round'

/** The graph of a channel that names none. */
export const defaultGraph = 'ring'

/** Reads a graph's name. Undefined if it is none. */
export function graphNamed(name: string = defaultGraph): GossipGraph | undefined {
  const found = /^(full|ring|torus|regular:([1-9]\d{0,5})(:each-round)?)$/.exec(name)
  if (!found) return undefined
  const [, whole = '', degree, eachRound] = found
  const kind = whole === 'full' || whole === 'ring' || whole === 'torus' ? whole : 'regular'
  return { kind, degree: Number(degree ?? 0), isDrawnEachRound: eachRound !== undefined }
}

/** The reason for which a number of ends can't be joined by a graph. Undefined if it can. */
export function graphMisfit({ kind, degree, isDrawnEachRound }: GossipGraph, ends: number): string | undefined {
  if (kind === 'torus') {
    const [rows] = torusSides(ends)
    return rows > 1 || ends < 4 ? undefined : `a torus has rows and columns, and ${ends} is a prime number`
  }
  if (kind !== 'regular') return undefined
  if (degree >= ends) return `${degree} neighbours are more than the other ends`
  if ((degree * ends) % 2 === 1) return `${degree} neighbours of each of ${ends} ends make half an edge`
  if (degree === 1 && ends > 2 && !isDrawnEachRound) return 'pairs that never change spread no model further'
  return undefined
}

/** The neighbours of each end, by the ends' indices. */
export interface Neighbours {
  /** Ascending. */
  of(end: number): readonly number[]
  degree(end: number): number
}

/**
 * Joins ends by a graph. A regular graph is drawn: a ring or pairs of ends in a random order, and from degree 3 on the
 * edges of such a circle of ends, exchanged at random until the graph is connected.
 *
 * @param random the stream of (job seed, `graph`), or of (job seed, round, `graph`) for a graph of each round.
 */
export function neighboursIn({ kind, degree }: GossipGraph, ends: number, random: RandomStream): Neighbours {
  if (kind === 'full') {
    const all = Array.from({ length: ends }, (_, index) => index)
    return { of: (end) => all.filter((other) => other !== end), degree: () => ends - 1 }
  }
  if (kind === 'regular') return sortedNeighbours(regular(ends, degree, random))
  return neighboursBy(kind === 'ring' ? ringEdges(ends) : torusEdges(torusSides(ends)), ends)
}

/** The neighbours by the edges of a graph. An edge that comes twice counts once, and an end is no neighbour of itself. */
export function neighboursBy(edges: readonly Edge[], ends: number): Neighbours {
  return sortedNeighbours(joined(ends, edges))
}

function sortedNeighbours(adjacent: readonly ReadonlySet<number>[]): Neighbours {
  const sorted = adjacent.map((others) => [...others].toSorted((a, b) => a - b))
  return { of: (end) => sorted[end] ?? [], degree: (end) => sorted[end]?.length ?? 0 }
}

/**
 * The Metropolis weights of an end's neighbours: 1 / (1 + the greater of both degrees). With 1 − their sum for the end
 * itself, the matrix of all ends' weights is symmetric, and its rows and columns sum to 1.
 *
 * @see Xiao, Boyd, Fast linear iterations for distributed averaging, Systems & Control Letters 2004, section 4.2.
 */
export function metropolisWeights(neighbours: Neighbours, end: number): ReadonlyMap<number, number> {
  const own = neighbours.degree(end)
  return new Map(neighbours.of(end).map((other) => [other, 1 / (1 + Math.max(own, neighbours.degree(other)))]))
}

/** Two ends, by their indices. */
export type Edge = readonly [number, number]

function ringEdges(ends: number): readonly Edge[] {
  return Array.from({ length: ends }, (_, end): Edge => [end, (end + 1) % ends])
}

function torusEdges([rows, columns]: readonly [number, number]): readonly Edge[] {
  return Array.from({ length: rows * columns }, (_, end) => {
    const [row, column] = [Math.floor(end / columns), end % columns]
    const right: Edge = [end, row * columns + ((column + 1) % columns)]
    const below: Edge = [end, ((row + 1) % rows) * columns + column]
    return [right, below]
  }).flat()
}

/** Rows and columns of a torus: as near to a square as the number of ends allows. */
function torusSides(ends: number): readonly [number, number] {
  let rows = Math.floor(Math.sqrt(ends))
  while (rows > 1 && ends % rows !== 0) rows -= 1
  return [rows, ends / rows]
}

function joined(ends: number, edges: readonly Edge[]): readonly Set<number>[] {
  const adjacent = Array.from({ length: ends }, () => new Set<number>())
  for (const [one, other] of edges) {
    if (one === other) continue
    adjacent[one]?.add(other)
    adjacent[other]?.add(one)
  }
  return adjacent
}

function regular(ends: number, degree: number, random: RandomStream): readonly Set<number>[] {
  const order = random.shuffle(Uint32Array.from({ length: ends }, (_, index) => index))
  const at = (place: number) => order[place % ends] ?? 0
  const circle = Array.from(order, (end, place): Edge[] => {
    const ahead = Array.from({ length: Math.floor(degree / 2) }, (_, step): Edge => [end, at(place + step + 1)])
    const isOpposite = degree % 2 === 1 && place < ends / 2
    return isOpposite ? [...ahead, [end, at(place + ends / 2)]] : ahead
  }).flat()
  const adjacent = joined(ends, circle)
  // A ring and pairs of ends in a random order are random already.
  if (degree < 3) return adjacent
  do exchange(circle, adjacent, random)
  while (!isConnected(adjacent))
  return adjacent
}

/** Attempts to exchange the ends of two edges, for each edge. */
const exchanges = 10

/** Exchanges ends of random pairs of edges, which leaves the number of neighbours of each end as it is. */
function exchange(edges: Edge[], adjacent: readonly Set<number>[], random: RandomStream): void {
  for (let attempt = 0; attempt < exchanges * edges.length; attempt++) {
    const [first, second] = [random.below(edges.length), random.below(edges.length)]
    const [[a, b], other] = [edges[first] ?? [0, 0], edges[second] ?? [0, 0]]
    const [c, d] = random.below(2) === 0 ? other : [other[1], other[0]]
    if (new Set([a, b, c, d]).size < 4 || adjacent[a]?.has(d) || adjacent[c]?.has(b)) continue
    for (const [one, two] of [
      [a, b],
      [c, d],
    ] as const) {
      adjacent[one]?.delete(two)
      adjacent[two]?.delete(one)
    }
    for (const [one, two] of [
      [a, d],
      [c, b],
    ] as const) {
      adjacent[one]?.add(two)
      adjacent[two]?.add(one)
    }
    edges[first] = [a, d]
    edges[second] = [c, b]
  }
}

function isConnected(adjacent: readonly Set<number>[]): boolean {
  const reached = new Set([0])
  // The loop also visits ends that are added on the way.
  for (const end of reached) for (const other of adjacent[end] ?? []) reached.add(other)
  return reached.size === adjacent.length
}
