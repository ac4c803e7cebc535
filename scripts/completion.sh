# Completes "python -m data_prep", "python -m eval" and "python -m train", also behind torchrun:
#   source scripts/completion.sh          in bash or zsh; or a line of ~/.bashrc or ~/.zshrc
# In that shell it takes the place of other completions of python and torchrun; file names are
# completed as before. Written by: python -m scripts.completion > scripts/completion.sh

_likeness_commands() {
  case "$1" in
    data_prep) echo 'align clean pack merge check page repair unpack synthetic' ;;
    'data_prep clean') echo 'overlap duplicates noise' ;;
    eval) echo 'export extract features mine versus report calibrate compare run' ;;
  esac
}

_likeness_options() {
  case "$1" in
    train) echo '--classes --config --config-schema --dry-batch --dry-run --help --page --plain --print-config --resume --untrained' ;;
    data_prep) echo --help ;;
    'data_prep align') echo '--boxes --detector --detector-model --device --face --format --help --images --join --landmarks --layout --missing --out --quality --resume --size --workers' ;;
    'data_prep clean') echo --help ;;
    'data_prep clean overlap') echo '--against --against-images --embeddings --help --images --names --out --page-entries --threshold' ;;
    'data_prep clean duplicates') echo '--embeddings --help --images --out --page-entries --workers' ;;
    'data_prep clean noise') echo '--embeddings --floor --help --images --min-images --out --page-entries --rule --threshold' ;;
    'data_prep pack') echo '--drop --exclude --help --images --list --out --resume --shuffle --size --strict --workers' ;;
    'data_prep merge') echo '--help --keep-parts' ;;
    'data_prep check') echo '--help --workers' ;;
    'data_prep page') echo '--checked --help --lists --out --photos --samples --seed --title' ;;
    'data_prep repair') echo '--help --out --size --workers' ;;
    'data_prep unpack') echo '--help --list --out' ;;
    'data_prep synthetic') echo '--first-person --folds --help --images --out --pairs-per-fold --people --seed --size --workers' ;;
    eval) echo --help ;;
    'eval export') echo '--backbone --help --mean --model --out --scale' ;;
    'eval extract') echo '--backbone --batch --device --fusion --help --images --mean --model --out --precision --resume --scale --threads --workers' ;;
    'eval features') echo '--algorithm --embeddings --help --list --matrix --out --to-matrix --to-tree --tree' ;;
    'eval mine') echo '--embeddings --help --impostors --out --pairs --protocol --uses' ;;
    'eval versus') echo '--help --out' ;;
    'eval report') echo '--csv --figures --help --markdown --out --title' ;;
    'eval calibrate') echo '--far --help --out' ;;
    'eval compare') echo '--backbone --calibration --detector --detector-model --device --face --fusion --help --mean --model --out --scale' ;;
    'eval run') echo '--algorithm --cmc-json --compat --config --device --distractor-list --distractor-noises --distractors --embeddings --far --far-mode --features --fpir --fpr --galleries --help --images --labels --media --no-nmi --noise --open-set-far --out --pairs --pooling --probe-list --probe-noises --probes --protocol --rank --recall --scores --seed --sizes --state' ;;
  esac
}

_likeness_values() {
  case "$1" in
    'train backbone.name') echo 'attention56 attention92 ir_100 ir_152 ir_50 ir_se_100 ir_se_152 ir_se_50 iresnet100 iresnet18 iresnet200 iresnet34 iresnet50 lenet_heated lenet_pp lsoftmax_cifar lsoftmax_mnist mobilefacenet small_resnet sphereface20 sphereface64 vit_b vit_s vit_t' ;;
    'train loss.name') echo 'a_softmax adaface am arc circle coco combined cosface curricular elastic_arc elastic_cos heated_bn heated_ln l_softmax magface mv_am mv_arc noisy normface softmax sv sv_am sv_arc sv_combined virtual' ;;
    'train loss.reduction') echo 'focal hard_mining mean' ;;
    'train validation.protocol') echo 'agedb_30 blufr calfw cfp_ff cfp_fp cplfw ijb ijb_1n lfw megaface pairs retrieval rfw rfw_group sllfw trillion' ;;
    'train precision') echo 'auto bfloat16 float32' ;;
    'train compile') echo 'true false' ;;
    'train data.sampler') echo 'shuffled class_balanced identity_balanced' ;;
    'train data.bad_records') echo 'error skip' ;;
    'train head.optimiser') echo 'sgd adamw' ;;
    'train head.projected') echo 'true false' ;;
    'train head.precision') echo 'bfloat16 float32' ;;
    'train head.compile') echo 'auto always never' ;;
    'train optim.name') echo 'sgd adamw' ;;
    'train optim.decay') echo 'step poly' ;;
    'train optim.non_finite') echo 'stop skip' ;;
    'data_prep align --detector') echo 'mtcnn scrfd' ;;
    'data_prep align --layout') echo 'auto pairs planar label-pairs pairs-score face2rec2 json' ;;
    'data_prep align --device') echo 'auto cpu cuda' ;;
    'data_prep align --face') echo 'largest central labelled' ;;
    'data_prep align --missing') echo 'skip centre fail' ;;
    'data_prep align --format') echo 'jpg png' ;;
    'data_prep clean noise --rule') echo 'either stranger elsewhere' ;;
    'eval extract --fusion') echo 'flip-sum flip-concat none' ;;
    'eval extract --precision') echo 'float32 bfloat16' ;;
    'eval compare --detector') echo 'mtcnn scrfd none' ;;
    'eval compare --face') echo 'largest central' ;;
    'eval compare --fusion') echo 'flip-sum flip-concat none' ;;
    'eval compare --device') echo 'auto cpu cuda' ;;
    'eval run --protocol') echo 'lfw sllfw calfw cplfw cfp_fp cfp_ff agedb_30 rfw rfw_group pairs blufr retrieval megaface trillion ijb ijb_1n' ;;
    'eval run --compat') echo 'insightface facex sphereface sphereface-pytorch facenet coco' ;;
    'eval run --far-mode') echo 'exact nearest' ;;
    'eval run --noise') echo 'ours insightface facex' ;;
  esac
}

_likeness_keys() {
  echo 'out= seed= epochs= batch= precision= device= compile= log_every= wandb= checkpoint_epochs= keep_checkpoints= timeout_minutes= data.records= data.weights= data.sampler= data.identity_images= data.classes= data.images= data.workers= data.bad_records= data.bad_limit= init.backbone= init.head= augment.flip= augment.shift= augment.zoom= augment.rotate= augment.crop= augment.light= augment.colour= augment.grey= augment.blur= augment.low_resolution= augment.erase= backbone.name= backbone.dim= backbone.height= backbone.width= backbone.batch_norm_group= head.optimiser= head.lr= head.weight_decay= head.sample_rate= head.projected= head.precision= head.compile= loss.name= loss.args= loss.reduction= loss.reduction_args= loss.warmup_epochs= loss.scale_from= optim.name= optim.lr= optim.momentum= optim.weight_decay= optim.warmup_epochs= optim.decay= optim.milestones= optim.gamma= optim.power= optim.clip= optim.accumulate= optim.ema= optim.non_finite= validation.images= validation.pairs= validation.protocol= validation.every_epochs= validation.best='
}

_likeness() {
  COMPREPLY=()
  local typed="${COMP_LINE:0:$COMP_POINT}" place="" found="" replies="" word before rest key
  rest="${typed#* -m }"
  [[ "$rest" == "$typed" ]] && return
  word="${typed##* }"
  before="${typed% *}"
  before="${before##* }"
  if [[ "$rest" != *" "* ]]; then
    found="data_prep eval train"
  else
    place="${rest%% *}"
    rest="${rest#* }"
    while [[ "$rest" == *" "* && " $(_likeness_commands "$place") " == *" ${rest%% *} "* ]]; do
      place="$place ${rest%% *}"
      rest="${rest#* }"
    done
    found="$(_likeness_values "$place $before")"
    if [[ -z "$found" && "$word" == *=* ]]; then
      key="${word%%=*}"
      found="$(_likeness_values "$place $key")"
      word="${word#*=}"
    elif [[ -z "$found" && "$word" == -* ]]; then
      found="$(_likeness_options "$place")"
    elif [[ -z "$found" && "$before" != --* ]]; then
      found="$(_likeness_commands "$place")"
      if [[ "$place" == train ]]; then
        found="$(_likeness_keys)"
        compopt -o nospace 2>/dev/null
      fi
    fi
  fi
  replies="$(compgen -W "$found" -- "$word")"
  [[ -n "$replies" ]] || return
  while IFS= read -r word; do
    # bash replaces what is behind the equals sign, zsh the whole word
    [[ -n "$key" && -n "${ZSH_VERSION-}" ]] && word="$key=$word"
    COMPREPLY+=("$word")
  done <<< "$replies"
}

if [ -n "${ZSH_VERSION-}" ]; then
  autoload -Uz compinit bashcompinit
  (( ${+functions[compdef]} )) || compinit
  bashcompinit
fi
complete -o bashdefault -o default -F _likeness python python3 torchrun
