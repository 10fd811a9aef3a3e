/* What the parts of a generating process share: connections, and how they are made and ended. */
#ifndef RONDO_BENCH_WORKER_H
#define RONDO_BENCH_WORKER_H

#include "load.h"
#include "stream.h"

/* A TCP connection is proved with one byte: the kernel connects what the server never accepts. */
enum state {
  STATE_NEW,
  STATE_CONNECTING,
  STATE_PROVING,
  STATE_UPGRADING,
  STATE_GREETING,
  STATE_OPEN,
  STATE_ENDED
};

struct connection {
  int fd;
  uint8_t state;
  bool writing;
  bool answered;
  /* Socket.IO: messages of its handshake that have come. */
  uint8_t greetings;
  uint32_t variant;
  /* Messages sent, or about to be, and not yet answered: the length of the queue of times. */
  uint32_t outstanding;
  uint32_t first;
  size_t unsent;
  size_t request_at;
  size_t response_at;
  /* Sent (closed loop) or intended (open loop) times of the outstanding messages, oldest first. */
  uint64_t *times;
  /* Frame by frame: what has come of a frame that is not complete. */
  struct bytes partial;
  size_t partial_room;
  /* Attacks: when it has something to do again. */
  uint64_t due;
};

struct load {
  const struct options *options;
  struct shared *shared;
  struct worker_report *report;
  struct stream stream;
  struct connection *connections;
  uint32_t count;
  uint32_t first_index;
  uint32_t opened;
  uint32_t connecting;
  uint32_t open;
  uint32_t queue_mask;
  int epoll;
  int phase;
  /* Answers are read frame by frame. */
  bool framed;
  uint64_t messages;
  /* Open loop: the next message's number, and when the first was due. */
  uint64_t due;
  uint64_t start;
  double interval;
  /* Broadcast: deliveries that the round of messages still lacks, and when it was sent. */
  uint64_t lacking;
  uint64_t round;
  /* Compressed answers that were inflated and found right, of each variant. */
  struct bytes known[VARIANTS];
  /* Called for events of an open connection. */
  void (*event)(struct load *load, struct connection *connection, uint32_t events);
  /* Attacks: called when a connection is open. A connection may be refused or ended then. */
  void (*on_open)(struct load *load, struct connection *connection);
  /* Attacks on the handshake itself: a connection is open when TCP's is. */
  bool bare;
  char upgrade[1024];
  size_t upgrade_length;
  uint8_t chunk[RECEIVE_CHUNK];
};

/* Says what is wrong and ends the process. */
__attribute__((format(printf, 2, 3))) _Noreturn void fail(struct load *load, const char *format,
                                                          ...);

void watch(struct load *load, struct connection *connection, int operation, uint32_t events);

/* Begins to connect. */
void open_connection(struct load *load, struct connection *connection);

/* Resets a connection. */
void end_connection(struct load *load, struct connection *connection);

/* The server has ended an open connection. */
void connection_lost(struct load *load, struct connection *connection);

/* Makes all connections, or as many as can be had in the time. */
void connect_all(struct load *load);

/* Waits at most `timeout` ns, handles what happened, and looks at the phase. */
void turn(struct load *load, uint64_t timeout);

/* Runs `options->attack` until the phase is DONE. */
void run_attack(struct load *load);

/* Sets `event` and `on_open`; before the connections are made. */
void prepare_attack(struct load *load);

#endif
