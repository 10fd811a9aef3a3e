import { broadcast } from '../sockets/broadcast.ts';
import type { Connection } from '../sockets/connection.ts';
import type { WebSocketHandlers } from '../sockets/handlers.ts';

/** What a route of topics needs in its path. */
export interface TopicParams {
  /** The topic's name. */
  readonly topic: string;
}

/**
 * A route of topics, for a path with `:topic`: who connects has joined the topic, and what one says
 * all in it hear, the speaker too. A topic is there as long as somebody is in it.
 */
export function topicRoute(): WebSocketHandlers<TopicParams> {
  const topics = new Map<string, Set<Connection<TopicParams>>>();
  return {
    open(connection) {
      const { topic } = connection.params;
      const members = topics.get(topic);
      if (members === undefined) topics.set(topic, new Set([connection]));
      else members.add(connection);
    },
    message(connection, message) {
      const members = topics.get(connection.params.topic);
      if (members !== undefined) broadcast(members, message);
    },
    close(connection) {
      const { topic } = connection.params;
      const members = topics.get(topic);
      members?.delete(connection);
      if (members?.size === 0) topics.delete(topic);
    },
  };
}
