import type { Channel } from '../../sdk/role/channel/channel.ts'
import type { AnyRole, ChannelUse, Role, RoleContext } from '../../sdk/role/role.ts'

/** An object with other values of some properties. A copy would lose what an object has of its class. */
export function changed<Target extends object>(target: Target, changes: Partial<Target>): Target {
  return new Proxy(target, {
    get(given, name) {
      if (Object.hasOwn(changes, name)) return Reflect.get(changes, name)
      const value: unknown = Reflect.get(given, name)
      return typeof value === 'function' ? value.bind(given) : value
    },
  })
}

/** A role that runs by a changed definition. */
export function changedRole(
  role: AnyRole,
  change: <State, Channels>(definition: Role<State, Channels>) => Role<State, Channels>,
): AnyRole {
  return {
    name: role.name,
    rests: role.rests === true,
    runOn: (runner) => role.runOn({ run: (definition) => runner.run(change(definition)) }),
  }
}

/** A role whose rounds run in a changed context. */
export function inContext(
  role: AnyRole,
  change: <Channels>(context: RoleContext<Channels>) => RoleContext<Channels>,
): AnyRole {
  return changedRole(role, (definition) => ({
    ...definition,
    round: (state, context) => definition.round(state, change(context)),
  }))
}

/** A role with other channels in place of those that it opens. */
export function withChannels(role: AnyRole, change: <Out, In>(channel: Channel<Out, In>) => Channel<Out, In>): AnyRole {
  return changedRole(role, (definition) => ({
    ...definition,
    open(channel) {
      const open = <Out, In>(use: ChannelUse<Out, In>) => change(channel(use))
      const optional = <Out, In>(use: ChannelUse<Out, In>) => {
        const found = channel.optional(use)
        return found && change(found)
      }
      return definition.open(Object.assign(open, { optional }))
    },
  }))
}
