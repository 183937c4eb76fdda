import type { RemoteSite, SiteNews, Sites } from '../../actors/flamelets/sites.ts'
import {
  type ActorRef,
  type ActorSystem,
  actorSystem,
  type DeadLetter,
  isActorRef,
  memoryRoute,
  memoryStore,
  type NodeLink,
  nodeLink,
  type Route,
  type Store,
} from '../../runtime/index.ts'
import { decodeSiteMessage, type SiteMessage, type SiteWorkload, taskSite } from '../../sdk/index.ts'

export interface MemorySitesOptions {
  readonly names: readonly string[]
  readonly workload: SiteWorkload
  readonly facts?: (name: string) => Partial<RemoteSite['facts']>
  /** Tasks that the sites take, which may be fewer than their facts say. */
  readonly mostTasks?: (name: string) => number | undefined
  /** Sites that lose their connection as soon as they have joined. */
  readonly isAway?: (name: string) => boolean
}

/** Sites in actor systems of their own, joined to a server's system by routes within this process. */
export interface MemorySites extends Sites {
  /** Begins a life of a site, with the store of its earlier lives. */
  begin(name: string): void
  /** Ends a site's life, as a kill of its process does. */
  kill(name: string): Promise<void>
  drain(name: string): void
  /** Continues with another server: the sites' nodes stay. */
  joinTo(system: ActorSystem): void
  readonly refused: readonly DeadLetter[]
  close(): Promise<void>
}

interface Life {
  readonly system: ActorSystem
  readonly link: NodeLink
  route?: Route
}

export function memorySites(server: ActorSystem, options: MemorySitesOptions): MemorySites {
  const stores = new Map<string, Store>(options.names.map((name) => [name, memoryStore()]))
  const lives = new Map<string, Life>()
  const present = new Map<string, RemoteSite>()
  const refused: DeadLetter[] = []
  let incarnation = 0
  let follower: ActorRef<SiteNews> | undefined
  let link = linkOf(server)

  function linkOf(system: ActorSystem): NodeLink {
    return nodeLink(system, {
      onPeer({ node, entry }) {
        if (!isActorRef<SiteMessage>(entry)) throw new TypeError('a site gives its entry')
        const facts = { computeId: node, datasets: [], mostTasks: 100, ...options.facts?.(node) }
        const site: RemoteSite = { name: node, facts, site: entry }
        present.set(node, site)
        const isAway = options.isAway?.(node) ?? false
        if (isAway) lives.get(node)?.route?.close()
        follower?.tell({ type: 'site-here', site, isAway })
      },
    })
  }

  function join(name: string, life: Life): void {
    const [near, far] = memoryRoute()
    link.accept(far, { node: name, mayStop: false })
    life.route = near
    life.link.dial('server', near, { node: 'server', mayStop: false })
  }

  return {
    refused,
    follow(to) {
      follower = to
      for (const site of present.values())
        to.tell({ type: 'site-here', site, isAway: options.isAway?.(site.name) ?? false })
    },
    begin(name) {
      incarnation += 1
      const system = actorSystem({ name, incarnation })
      system.deadLetters.subscribe((letter) => {
        if (letter.reason === 'undecodable' || letter.reason === 'unencodable') refused.push(letter)
      })
      const mostTasks = options.mostTasks?.(name)
      const store = stores.get(name) ?? memoryStore()
      const workloadOf = async () => options.workload
      const entry = system.spawn(
        'site',
        taskSite({ store, workloadOf, ...(mostTasks !== undefined && { mostTasks }) }),
        {
          decode: decodeSiteMessage,
        },
      )
      const life: Life = { system, link: nodeLink(system, { entry }) }
      lives.set(name, life)
      join(name, life)
    },
    async kill(name) {
      const life = lives.get(name)
      life?.route?.close()
      await life?.system.terminate()
      lives.delete(name)
      link.declareDead(name)
      present.delete(name)
      follower?.tell({ type: 'site-gone', name })
    },
    drain(name) {
      follower?.tell({ type: 'site-leaving', name })
    },
    joinTo(system) {
      follower = undefined
      present.clear()
      link = linkOf(system)
      for (const [name, life] of lives) join(name, life)
    },
    async close() {
      await Promise.all([...lives.values()].map(({ system }) => system.terminate()))
    },
  }
}
