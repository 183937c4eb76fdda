import { dirichlet } from '../../random/distributions.ts'
import { type RandomStream, randomStream } from '../../random/random-stream.ts'
import { partitionError } from './errors.ts'
import { checkClient, indicesTo, type Labelled, type LabelTable, labelTable, type Parts } from './parts.ts'
import { positive, readSizes, type SizeDraw, type Sizes } from './sizes.ts'

/**
 * Clients whose examples are drawn with replacement, each client's from a stream of its own: the data of a client don't
 * depend on the number of clients, and nothing is kept for a client. After `draw:` come the numbers of examples, and how
 * the labels of a client are spread:
 * - `iid`, the default: examples are drawn uniformly.
 * - `dirichlet:α`: each client draws its shares of the labels from a symmetric Dirichlet distribution, then the label of
 *   each example by the shares, then an example of the label. As Hsu et al., Measuring the Effects of Non-Identical
 *   Data Distribution, 2019, whose α is the sum over all labels: α of theirs is α divided by the number of labels here.
 * - `labels:N`: each client draws N different labels, then each example uniformly from those with one of the labels.
 */
export type DrawScheme = `draw:${Sizes}` | `draw:${Sizes}:iid` | `draw:${Sizes}:${'dirichlet' | 'labels'}:${number}`

/** How each client's labels are drawn. */
export type LabelSpread =
  | { readonly kind: 'iid' }
  | { readonly kind: 'dirichlet'; readonly alpha: number }
  | { readonly kind: 'labels'; readonly count: number }

export interface ParsedDraws {
  readonly kind: 'draw'
  readonly size: SizeDraw
  readonly spread: LabelSpread
}

/** @throws DATA_DRAW for a text that begins with `draw`, but is no `DrawScheme`. */
export function parseDraws(scheme: string): ParsedDraws {
  const refused = (reason: string) => partitionError('DATA_DRAW', { scheme, reason })
  const [, ...fields] = scheme.split(':')
  if (fields.length === 0) throw refused('the numbers of examples are missing')
  const [size, rest] = readSizes(fields)
  if (typeof size === 'string') throw refused(size)
  const spread = spreadOf(rest)
  if (typeof spread === 'string') throw refused(spread)
  return { kind: 'draw', size, spread }
}

function spreadOf([kind = 'iid', number, ...rest]: readonly string[]): LabelSpread | string {
  if (rest.length > 0) return `nothing may follow, but ':${rest.join(':')}' does`
  switch (kind) {
    case 'iid':
      return number === undefined ? { kind } : `iid takes no number, but has '${number}'`
    case 'dirichlet': {
      const alpha = positive(number ?? '')
      return alpha > 0 && Number.isFinite(alpha)
        ? { kind, alpha }
        : `α must be a number above 0, but is '${number ?? ''}'`
    }
    case 'labels':
      return /^[1-9]\d{0,8}$/.test(number ?? '')
        ? { kind, count: Number(number) }
        : `labels must be an integer from 1, but is '${number ?? ''}'`
    default:
      return `'${kind}' is none of iid, dirichlet and labels`
  }
}

/** A seed for the streams of clients: 53 bits of a stream. */
export function clientSeed(random: RandomStream): number {
  return random.uniform() * 2 ** 53
}

/** Draws each client's examples when they are asked for. @throws DATA_DRAW for more labels than the examples have. */
export function drawnParts(
  scheme: string,
  { size, spread }: ParsedDraws,
  {
    examples,
    clients,
    random,
  }: { readonly examples: Labelled; readonly clients: number; readonly random: RandomStream },
): Parts {
  const seed = clientSeed(random)
  /** The client's stream, from which the number of its examples has been drawn. */
  const begun = (client: number) => {
    checkClient(client, clients)
    const stream = randomStream(seed, 'client', client)
    return { stream, count: size(stream) }
  }
  const samples = (client: number) => begun(client).count
  if (spread.kind === 'iid') {
    return {
      clients,
      samples,
      of(client) {
        const { stream, count } = begun(client)
        return new Uint32Array(count).map(() => stream.below(examples.count))
      },
    }
  }
  const table = labelTable(examples)
  const { labels, offsets, items } = table
  if (spread.kind === 'labels' && spread.count > labels.length) {
    const reason = `a client can't have ${spread.count} labels, since the examples have ${labels.length}`
    throw partitionError('DATA_DRAW', { scheme, reason })
  }
  const draws = spread.kind === 'dirichlet' ? byShares(table, spread.alpha) : byLabels(table, spread.count)
  return {
    clients,
    samples,
    of(client) {
      const { stream, count } = begun(client)
      const group = draws(stream).drawGroup
      return new Uint32Array(count).map(() => {
        const drawn = group()
        const from = offsets[drawn] ?? 0
        return items[from + stream.below((offsets[drawn + 1] ?? 0) - from)] ?? 0
      })
    },
    label: (client) => labels[draws(begun(client).stream).likeliest] ?? 0,
  }
}

/** One client's labels, as groups of the table. */
interface ClientLabels {
  readonly likeliest: number
  drawGroup(): number
}

function byShares({ labels }: LabelTable, alpha: number): (stream: RandomStream) => ClientLabels {
  return (stream) => {
    const shares = dirichlet(stream, alpha, labels.length)
    let likeliest = 0
    for (let group = 1; group < shares.length; group++)
      if ((shares[group] ?? 0) > (shares[likeliest] ?? 0)) likeliest = group
    return {
      likeliest,
      drawGroup() {
        let left = stream.uniform()
        for (let group = 0; group < shares.length; group++) {
          left -= shares[group] ?? 0
          if (left < 0) return group
        }
        // Rounding: the shares summed to less than 1.
        return likeliest
      },
    }
  }
}

/** A few different labels, each as likely as it has examples. The first is called the likeliest. */
function byLabels({ labels, offsets }: LabelTable, count: number): (stream: RandomStream) => ClientLabels {
  return (stream) => {
    const order = indicesTo(labels.length)
    for (let place = 0; place < count; place++) {
      const other = place + stream.below(order.length - place)
      const held = order[place] ?? 0
      order[place] = order[other] ?? 0
      order[other] = held
    }
    const chosen = order.subarray(0, count)
    const sizeOf = (group: number) => (offsets[group + 1] ?? 0) - (offsets[group] ?? 0)
    const total = chosen.reduce((sum, group) => sum + sizeOf(group), 0)
    return {
      likeliest: chosen.reduce((most, group) => (sizeOf(group) > sizeOf(most) ? group : most)),
      drawGroup() {
        let left = stream.below(total)
        for (const group of chosen) {
          left -= sizeOf(group)
          if (left < 0) return group
        }
        return chosen[0] ?? 0
      },
    }
  }
}
