# gnuplot scale.gnuplot, in this folder: scale.png of scale.tsv
set terminal pngcairo size 900,420 font "Sans,11"
set output "scale.png"
set datafile separator "\t"
set style data histograms
set style histogram rowstacked
set style fill solid 0.9 border -1
set boxwidth 0.6
set grid ytics
set yrange [0:*]
set ylabel "CPU seconds for 1,000 messages"
set xtics rotate by -20
set key top left reverse Left
set title "What gateways and their store cost: one limit and the greylist for each message"
plot "scale.tsv" using 4:xtic(sprintf("%s, %d", stringcolumn(1), column(2))) title "gateways" linecolor rgb "#4878a8", \
     "" using 5 title "Redis" linecolor rgb "#c8643c"
