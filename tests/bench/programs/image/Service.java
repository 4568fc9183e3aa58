import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A service: a cache that fills and stays, buffers outside the heap as those of Netty, and the garbage of its requests.
 * Arguments: MiB of the heap, MiB outside, seconds, MiB a second.
 */
public class Service {
    private static final int PIECE = 8 * 1024;
    private static final List<byte[]> cache = new ArrayList<>();
    private static final List<ByteBuffer> buffers = new ArrayList<>();
    private static byte[] garbage;

    public static void main(String[] arguments) throws InterruptedException {
        long live = Long.parseLong(arguments[0]) << 20;
        long outside = Long.parseLong(arguments[1]) << 20;
        double seconds = Double.parseDouble(arguments[2]);
        long churn = Long.parseLong(arguments[3]) << 20;
        // Threads wait for requests, as those of a server do.
        for (int number = 0; number < 20; number++) {
            Thread worker = new Thread(Service::idle);
            worker.setDaemon(true);
            worker.start();
        }
        long begin = System.nanoTime();
        while (true) {
            double age = (System.nanoTime() - begin) / 1e9;
            double share = Math.min(1.0, age / seconds);
            while ((long) cache.size() * PIECE < live * share) {
                cache.add(new byte[PIECE]);
            }
            // They are zeroed when they are made, which touches them.
            while ((long) buffers.size() * PIECE < outside * share) {
                buffers.add(ByteBuffer.allocateDirect(PIECE));
            }
            for (long made = 0; made < churn / 10; made += PIECE) {
                garbage = new byte[PIECE];
            }
            Thread.sleep(100);
        }
    }

    private static void idle() {
        try {
            Thread.sleep(Long.MAX_VALUE);
        } catch (InterruptedException end) {
            Thread.currentThread().interrupt();
        }
    }
}
